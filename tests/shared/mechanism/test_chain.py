"""The hash chain: any change of what was recorded is found, and the first entry that does not fit is named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.mechanism.chain import digest, verify
from shared.mechanism.matter import ClockChange, Entry, PaperRef
from tests.shared.mechanism.test_core import local, opened, take
from tests.shared.mechanism.trials import REVERSE

History = tuple[Entry, ...]


@pytest.fixture
def history() -> History:
    matter = take(REVERSE, opened(REVERSE), "suspend", local("2026-03-04"))
    matter = take(REVERSE, matter, "resume", local("2026-03-05"))
    return take(
        REVERSE, matter, "send_opinion", local("2026-03-06"), {"urgent": True, "reply_days": 9}
    ).history


def test_an_untouched_history_fits(history: History) -> None:
    assert verify("M-1", history) is None


MENDINGS: dict[str, Callable[[Entry], Entry]] = {
    "the time of the act": lambda entry: replace(entry, acted_at=entry.acted_at - timedelta(days=1)),
    "the unit": lambda entry: replace(entry, unit="XXX"),
    "the form": lambda entry: replace(entry, form={"urgent": False}),
    "a paper": lambda entry: replace(entry, papers={"letter": (PaperRef("1", "0" * 64),)}),
    "a clock": lambda entry: replace(entry, clocks=(ClockChange("reply", 1, "met", None),)),
    "its lateness": lambda entry: replace(entry, late=not entry.late),
    "the hash itself": lambda entry: replace(entry, hash="0" * 64),
}


@pytest.mark.parametrize("what", MENDINGS)
@pytest.mark.parametrize("place", range(4))
def test_changing_it_names_that_entry(history: History, what: str, place: int) -> None:
    touched = (*history[:place], MENDINGS[what](history[place]), *history[place + 1 :])
    misfit = verify("M-1", touched)
    assert misfit is not None
    assert misfit.version == place + 1


@pytest.mark.parametrize("place", range(3))
def test_an_entry_taken_out_is_missed(history: History, place: int) -> None:
    misfit = verify("M-1", history[:place] + history[place + 1 :])
    assert misfit is not None
    assert misfit.version == place + 1


def test_a_history_belongs_to_its_matter(history: History) -> None:
    assert verify("M-2", history) is not None


def test_the_form_can_be_checked_and_left_out_of_the_chain(history: History) -> None:
    assert history[-1].form_digest == digest({"urgent": True, "reply_days": 9})
