"""The envelope says what it must, and reads what others say with care."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Event

MOMENT = datetime(2026, 11, 23, 1, 2, 3, 456000, UTC)
CANARY = "canary-张三"


def an_event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "id": "e-1",
        "source": "/referral",
        "type": "referral.forward_transfer.delivered",
        "subject": "m-1",
        "time": MOMENT,
        "data": {"state": "delivered", "parties": {"police": "LY-GA"}},
        "version": 3,
        "correlation": "e-0",
        "causation": "e-0",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    return Event(**(fields | changes))


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(
    id=TEXT,
    subject=TEXT,
    correlation=TEXT,
    causation=st.none() | TEXT,
    version=st.integers(0, 2**31 - 1),
    time=st.datetimes(timezones=st.just(UTC)),
    data=st.dictionaries(TEXT, JSON, max_size=4),
)
def test_what_is_said_is_what_is_read(**fields: Any):
    said = an_event(**fields)
    assert Event.from_message(said.headers(), said.body()) == said
    assert Event.from_document(said.document()) == said


def test_the_attributes_travel_as_cloudevents_headers():
    assert an_event().headers() == {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "e-1",
        "cloudEvents:source": "/referral",
        "cloudEvents:type": "referral.forward_transfer.delivered",
        "cloudEvents:subject": "m-1",
        "cloudEvents:time": "2026-11-23T01:02:03.456Z",
        "cloudEvents:version": 3,
        "cloudEvents:correlation": "e-0",
        "cloudEvents:causation": "e-0",
        "cloudEvents:traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    assert json.loads(an_event().body()) == {"state": "delivered", "parties": {"police": "LY-GA"}}


def test_who_may_read_an_event_never_travels():
    event = an_event(units=("LY-GA",), divisions=("410300",))
    wire = json.dumps(event.headers()).encode() + event.body()
    assert b"410300" not in wire
    assert "LY-GA" not in json.dumps(event.headers())
    assert Event.from_document(event.document()) == event


def test_headers_and_fields_we_do_not_know_are_ignored():
    event = an_event()
    headers = event.headers() | {"cloudEvents:colour": "red", "x-death": [{"count": 3}], "other": None}
    assert Event.from_message(headers, event.body()) == event
    assert Event.from_document(event.document() | {"_id": 7, "colour": "red"}) == event


def test_a_moment_is_kept_in_utc_and_whole_milliseconds():
    there = datetime(2026, 11, 23, 9, 2, 3, 456789, timezone(timedelta(hours=8)))
    assert an_event(time=there).time == MOMENT
    assert an_event(time=there).time.tzinfo is UTC


def test_an_integer_may_travel_in_its_text_form():
    event = an_event()
    assert Event.from_message(event.headers() | {"cloudEvents:version": "3"}, event.body()) == event


@pytest.mark.parametrize(
    "name", ["specversion", "id", "source", "type", "subject", "time", "version", "correlation"]
)
def test_a_missing_attribute_is_named(name: str):
    headers = an_event().headers()
    del headers[f"cloudEvents:{name}"]
    with pytest.raises(ValueError, match=f"^{name}: "):
        Event.from_message(headers, b"{}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("id", ""),
        ("id", 7),
        ("id", b"\xff"),
        ("id", "x" * 513),
        ("source", None),
        ("type", "delivered"),
        ("type", "Referral.Delivered"),
        ("type", "referral." + "x" * 255),
        ("type", CANARY),
        ("subject", ""),
        ("time", CANARY),
        ("time", 1795400000),
        ("time", "2026-11-23T01:02:03"),
        ("version", CANARY),
        ("version", 1.5),
        ("version", True),
        ("version", -1),
        ("version", 2**31),
        ("correlation", ["e-0"]),
        ("causation", ""),
        ("traceparent", 5),
    ],
)
def test_a_malformed_attribute_is_named_and_its_value_is_not(name: str, value: object):
    headers: dict[str, Any] = {**an_event().headers(), f"cloudEvents:{name}": value}
    with pytest.raises(ValueError, match=f"^{name}: ") as refused:
        Event.from_message(headers, b"{}")
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"null", b'{"a": NaN}', b'{"a": "' + CANARY.encode(), b"[" * 100_000]
)
def test_data_that_is_no_json_object_is_refused(body: bytes):
    with pytest.raises(ValueError, match=r"^data: ") as refused:
        Event.from_message(an_event().headers(), body)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("value", [MOMENT, float("nan"), b"bytes", {1, 2}, "x" * 65536, "\ud800"])
def test_data_that_could_never_be_sent_does_not_enter_an_outbox(value: object):
    with pytest.raises(ValueError, match=r"^data: "):
        an_event(data={"value": value}).document()


def test_an_outbox_entry_with_a_hole_is_refused():
    document = an_event().document()
    del document["subject"]
    with pytest.raises(ValueError, match=r"^subject: missing"):
        Event.from_document(document)
