"""The worked examples of examples.csv, read as data; their columns are explained in docs/how-dates-are-found.md."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from shared.clocks.calendar import SHANGHAI
from shared.clocks.counting import Interval, Length, Rule, Unit, end_of
from shared.mechanism.matter import Extended

TABLE = Path(__file__).with_name("examples.csv")


@dataclass(frozen=True)
class Example:
    """One row: what is counted, and what the law makes of it."""

    line: int
    start: datetime
    rule: Rule
    excluded: tuple[Interval, ...]
    extended: tuple[Extended, ...]
    on: date | None
    at: datetime
    provisional: bool
    earliest: date | None
    latest: date | None
    source: str

    def __str__(self) -> str:
        return f"line {self.line}"

    def free(self) -> dict[str, Any] | None:
        """Return the body that asks the simulator for this row; None where it has no words for it."""
        days = all(
            each == each.astimezone(SHANGHAI).replace(hour=0, minute=0) for each in sum(self.excluded, ())
        )
        if self.extended or self.rule.closes_at or not days:
            return None
        rule: dict[str, Any] = {
            "amount": self.rule.length.amount,
            "unit": self.rule.length.unit.value,
            "direction": "backward" if self.rule.backward else "forward",
            "roll": self.rule.roll,
            "excluded": [[begin.date().isoformat(), end.date().isoformat()] for begin, end in self.excluded],
        }
        if self.rule.common:
            rule["reading"] = "common"
        return {"rule": rule, "starts_at": self.start.isoformat()}


def read() -> list[Example]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [_example(line, row) for line, row in enumerate(csv.DictReader(file), start=2)]


def _example(line: int, row: dict[str, str]) -> Example:
    assert row["reason"], f"line {line} gives no reason"
    assert row["source"], f"line {line} gives no source"
    rule = _rule(row["rule"])
    on = date.fromisoformat(row["on"]) if row["on"] else None
    at = _moment(row["at"]) if row["at"] else None
    if at is None:
        assert on is not None, f"line {line} ends nowhere"
        at = end_of(on)
    provisional = row["provisional"] == "yes"
    return Example(
        line,
        _moment(row["start"]),
        rule,
        tuple(_intervals(row["excluded"])),
        tuple(_extensions(row["extended"])),
        on,
        at,
        provisional,
        date.fromisoformat(row["earliest"]) if provisional else on,
        date.fromisoformat(row["latest"]) if provisional else on,
        row["source"],
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def _rule(text: str) -> Rule:
    length, *words = text.split("; ")
    closes = [
        time.fromisoformat(word.removeprefix("closes ")) for word in words if word.startswith("closes ")
    ]
    known = {"back", "common", "no roll"} | {word for word in words if word.startswith("closes ")}
    assert set(words) <= known, text
    return Rule(
        _length(length),
        backward="back" in words,
        roll="no roll" not in words,
        common="common" in words,
        closes_at=closes[0] if closes else None,
    )


def _length(text: str) -> Length:
    amount, unit = text.split()
    return Length(int(amount), Unit(unit))


def _intervals(text: str) -> Iterator[Interval]:
    for each in text.split():
        begin, end = each.split("/")
        yield _moment(begin), _moment(end)


def _extensions(text: str) -> Iterator[Extended]:
    for each in filter(None, text.split("; ")):
        how, _, length = each.partition(" ")
        assert how in ("to", "added"), text
        yield Extended("extend", 2, _length(length), how == "added")
