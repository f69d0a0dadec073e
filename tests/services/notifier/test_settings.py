"""What the notifier must be given, and what it makes of what others say."""

import base64
import datetime as dt
from dataclasses import replace

import pytest

from services.notifier import events
from services.notifier.settings import Settings
from shared.settings import SettingsError
from tests.services.notifier.house import step_event

NEEDED = {
    "MONGO_URL": "mongodb://x",
    "MONGO_DATABASE": "notifier",
    "RABBIT_URLS": "amqp://x",
    "JWKS_URL": "http://127.0.0.1/jwks",
    "ISSUER": "http://127.0.0.1",
    "AUDIENCE": "notifier",
    "SECRET_KEY": base64.b64encode(b"k" * 32).decode(),
}


def load(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> Settings:
    for name, value in (NEEDED | changes).items():
        if value is not None:
            monkeypatch.setenv(f"NOTIFIER_{name}", value)
    return Settings.load()


def test_the_key_has_no_default_and_is_never_shown(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SettingsError, match="NOTIFIER_SECRET_KEY: missing"):
        load(monkeypatch, SECRET_KEY=None)
    with pytest.raises(SettingsError, match="NOTIFIER_SECRET_KEY: not valid"):
        load(monkeypatch, SECRET_KEY="c2hvcnQ=")
    settings = load(monkeypatch)
    assert settings.secret_key == b"k" * 32
    assert "kkk" not in repr(settings)


def test_private_networks_are_closed_by_default(monkeypatch: pytest.MonkeyPatch):
    assert load(monkeypatch).webhook_networks == ()
    settings = load(monkeypatch, WEBHOOK_NETWORKS="10.41.0.0/16, fd00::/8")
    assert list(map(str, settings.webhook_networks)) == ["10.41.0.0/16", "fd00::/8"]


def test_deliveries_are_tried_for_about_three_days(monkeypatch: pytest.MonkeyPatch):
    schedule = load(monkeypatch).delivery_schedule
    assert schedule[:3] == (5, 300, 1800)
    assert sum(schedule) / 3600 == pytest.approx(75.6, abs=0.1)


def test_a_lease_outlives_an_attempt(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SettingsError, match="NOTIFIER_DELIVERY_LEASE"):
        load(monkeypatch, DELIVERY_LEASE="10", DELIVERY_TIMEOUT="15")


def test_of_an_event_only_ids_keys_and_moments_are_read():
    said = step_event("LY-1", state="张三 canary", mechanism={"x": 1}, division="洛阳", surprise=1)
    heard = events.read(said)
    assert (heard.state, heard.mechanism, heard.division) == (None, None, None)
    assert heard.told == ("LY-1",)
    due = heard.due("LY-1")
    assert due is not None
    assert due.at == dt.datetime(2026, 12, 1, 16, tzinfo=dt.UTC)
    assert heard.due("LY-2") is None


def test_a_clock_event_is_about_its_own_clock():
    clock = {"key": "decision", "kind": "duty", "due_at": "2026-11-20T16:00:00Z"}
    due = events.read(step_event("LY-1", said="duty_missed", clock=clock)).due("LY-2")
    assert due is not None
    assert due.key == "decision"


@pytest.mark.parametrize("tell", ["LY-1", [1], [""], ["张三"], {"LY-1": 1}])
def test_who_is_told_must_be_unit_codes(tell: object):
    event = step_event("LY-1")
    with pytest.raises(ValueError, match="tell"):
        events.read(replace(event, data={**event.data, "tell": tell}))
