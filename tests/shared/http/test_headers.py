"""Versions and repeat keys are read strictly."""

import uuid

import pytest

THING = f"/v1/things/{uuid.UUID(int=1)}"


async def test_a_change_names_the_version_it_saw(service):
    put = service.client.put
    read = await service.client.get(THING)
    assert read.headers["etag"] == '"7"'
    assert (await put(THING, json={"amount": 1}, headers={"If-Match": '"7"'})).status_code == 200
    stale = await put(THING, json={"amount": 1}, headers={"If-Match": '"6"'})
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (412, "version-stale", 7)
    assert stale.headers["etag"] == '"7"'
    missing = await put(THING, json={"amount": 1})
    assert (missing.status_code, missing.json()["code"]) == (428, "if-match-missing")


@pytest.mark.parametrize(
    "value", ["7", "*", 'W/"7"', '"7", "8"', '"x"', '"-1"', '""', '"07"', '"7' + "0" * 30 + '"']
)
async def test_another_form_of_if_match_is_refused(service, value):
    answer = await service.client.put(THING, json={"amount": 1}, headers={"If-Match": value})
    assert (answer.status_code, answer.json()["code"]) == (400, "if-match-malformed")


@pytest.mark.parametrize("value", ["a", "a" * 255, '"5f0c7d1e"', "!~"])
async def test_a_repeat_key_is_read(service, value):
    answer = await service.client.post(
        "/v1/things", json={"form": {"amount": 1}}, headers={"Idempotency-Key": value}
    )
    assert answer.json()["id"] == value


async def test_a_missing_repeat_key_is_asked_for(service):
    answer = await service.client.post("/v1/things", json={"form": {"amount": 1}})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


@pytest.mark.parametrize("value", ["", "a" * 256, "two words", "é".encode("latin-1"), "钥".encode()])
async def test_another_form_of_repeat_key_is_refused(service, value):
    answer = await service.client.post(
        "/v1/things", json={"form": {"amount": 1}}, headers={"Idempotency-Key": value}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-malformed")
