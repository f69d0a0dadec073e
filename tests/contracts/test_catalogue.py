"""The served catalogue of events describes what is said: each event that is said fits the schema of its type."""

from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from services.referral.mechanisms import MECHANISMS
from shared.events import Event
from tests.contracts.spoken import as_it_travels, sayable
from tests.journeys.city import City


@pytest.fixture(scope="module")
async def catalogue(city: City) -> Any:
    answer = await city.client.get(f"{city.suite.services['referral'].url}/asyncapi.json")
    assert answer.status_code == 200
    return answer.json()


async def test_it_lists_what_the_declarations_let_be_said_and_nothing_else(catalogue: Any) -> None:
    known = {each for mechanism in MECHANISMS.values() for each in sayable(mechanism)}
    assert catalogue["asyncapi"] == "3.0.0"
    assert catalogue["channels"].keys() == known | {"referral.directory.asked"}
    assert {each["channel"]["$ref"] for each in catalogue["operations"].values()} == {
        f"#/channels/{name}" for name in catalogue["channels"]
    }
    for name, channel in catalogue["channels"].items():
        assert channel["address"] == name
        assert channel["messages"] == {name: {"$ref": f"#/components/messages/{name}"}}
        assert name in catalogue["components"]["messages"]
        assert channel["bindings"]["amqp"]["exchange"]["name"] == "liandong.events"


async def test_every_event_fits_the_schema_of_its_type(catalogue: Any, said: list[Event]) -> None:
    messages = catalogue["components"]["messages"]
    attributes = Draft202012Validator(catalogue["components"]["schemas"]["attributes"])
    checks = {name: Draft202012Validator(message["payload"]) for name, message in messages.items()}
    for message in messages.values():
        Draft202012Validator.check_schema(message["payload"])
    for event in said:
        attributes.validate(event.headers())
        checks[event.type].validate(event.data)
        payload = messages[event.type]["payload"]
        assert set(payload["required"]) <= event.data.keys() <= payload["properties"].keys()


async def test_an_event_of_another_shape_does_not_fit(catalogue: Any, said: list[Event]) -> None:
    event = as_it_travels(next(each for each in said if each.type.endswith(".delivered")))
    check = Draft202012Validator(catalogue["components"]["messages"][event.type]["payload"])
    for wrong in (
        {"state": "lost"},
        {"step": "file"},
        {"tell": "LY-GA-329"},
        {"parties": {"judge": "LY-GA-329"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check.validate({**event.data, **wrong})
