"""Signatures with a key pair: verified by another implementation, and by what the documentation shows."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook

from services.notifier.domain.endpoints import Seal, Signature, new_secret, private_key, public_key
from tests.services.notifier.house import House, new_unit
from tests.services.notifier.receiver import Received
from tests.services.notifier.test_delivery import finished, new_path

PAGE = Path(__file__).parents[3] / "docs" / "integration.md"


def holds(public: str, received: Received) -> bool:
    """Whether one of the signatures of the message is of that key."""
    assert public.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_"), validate=True))
    headers = received.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    for each in headers["webhook-signature"].split(" "):
        version, _, signature = each.partition(",")
        assert version == "v1a"
        try:
            key.verify(base64.b64decode(signature, validate=True), signed)
        except InvalidSignature:
            continue
        return True
    return False


async def keyed(house: House, unit: str, path: str) -> dict[str, Any]:
    body = {"url": house.receiver.url + path, "signature": "ed25519"}
    answer = await house.call(unit, "POST", "/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json()
    return webhook


async def test_messages_are_signed_with_a_key_of_which_the_unit_has_the_public_half(house: House):
    unit, path = new_unit(), new_path()
    webhook = await keyed(house, unit, path)
    assert (webhook["signature"], webhook["secret"]) == ("ed25519", None)
    await house.say(unit)
    (received,) = await house.receiver.wait(path)
    assert holds(webhook["public_key"], received)
    other = await keyed(house, new_unit(), path)
    assert not holds(other["public_key"], received)
    changed = Received(received.path, received.headers, received.body + b" ", received.at)
    assert not holds(webhook["public_key"], changed)
    later = {**received.headers, "webhook-timestamp": str(int(received.headers["webhook-timestamp"]) + 1)}
    assert not holds(webhook["public_key"], Received(received.path, later, received.body, received.at))


async def test_the_record_says_how_messages_are_signed(house: House):
    unit, path = new_unit(), new_path()
    webhook = await keyed(house, unit, path)
    shared = (
        await house.call(unit, "POST", "/v1/webhooks", json={"url": house.receiver.url + new_path()})
    ).json()
    assert (shared["signature"], shared["public_key"]) == ("hmac-sha256", None)
    Webhook(shared["secret"])
    for name, kind in ((webhook["id"], "ed25519"), (shared["id"], "hmac-sha256")):
        read = (await house.call(unit, "GET", f"/v1/webhooks/{name}")).json()
        assert read["signature"] == kind
        assert not {"secret", "public_key"} & read.keys()
    unknown = {"url": house.receiver.url + new_path(), "signature": "rsa"}
    answer = await house.call(unit, "POST", "/v1/webhooks", json=unknown)
    assert answer.status_code == 422
    # One that was kept when there was one way only.
    await house.mongo.database["webhooks"].update_one({"_id": shared["id"]}, {"$unset": {"signature": ""}})
    read = await house.call(unit, "GET", f"/v1/webhooks/{shared['id']}")
    assert read.json()["signature"] == "hmac-sha256"


async def test_while_keys_rotate_either_verifies(house: House):
    unit, path = new_unit(), new_path()
    webhook = await keyed(house, unit, path)
    answer = await house.call(unit, "POST", f"/v1/webhooks/{webhook['id']}/rotate-secret")
    rotated = answer.json()
    assert (rotated["signature"], rotated["secret"]) == ("ed25519", None)
    assert rotated["old_secret_until"] is not None
    old, new = webhook["public_key"], rotated["public_key"]
    assert old != new
    await house.say(unit)
    (received,) = await house.receiver.wait(path)
    assert received.headers["webhook-signature"].count("v1a,") == 2
    assert holds(old, received)
    assert holds(new, received)
    # A day later the old one is over.
    yesterday = {"$set": {"old_secret_until": house.mongo.clock.now()}}
    await house.mongo.database["webhooks"].update_one({"_id": webhook["id"]}, yesterday)
    await house.say(unit)
    _, received = await house.receiver.wait(path, 2)
    assert holds(new, received)
    assert not holds(old, received)


async def test_the_private_key_is_kept_sealed_and_never_shown(house: House):
    unit, path = new_unit(), new_path()
    webhook = await keyed(house, unit, path)
    await house.say(unit)
    await finished(house, unit, webhook["id"])
    document = await house.mongo.database["webhooks"].find_one({"_id": webhook["id"]})
    assert document is not None
    key = base64.b64decode(house.suite.services["notifier"].worker._env["NOTIFIER_SECRET_KEY"])
    private = Seal(key).open(document["secret"], webhook["id"])
    assert public_key(private) == webhook["public_key"]
    bare = private.removeprefix("whsk_")
    assert bare != private
    assert base64.b64decode(bare) not in document["secret"]
    read = await house.call(unit, "GET", f"/v1/webhooks/{webhook['id']}")
    assert bare not in str(document) + str(webhook) + read.text + house.logs()


async def test_the_documented_verification_works_as_it_stands(house: House):
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (snippet,) = [each for each in snippets if "Ed25519PublicKey" in each]
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102  # the page is ours
    unit, path = new_unit(), new_path()
    webhook = await keyed(house, unit, path)
    await house.say(unit)
    (received,) = await house.receiver.wait(path)
    verified = names["verified"]
    assert verified(webhook["public_key"], dict(received.headers), received.body)
    assert not verified(public_key(new_secret(Signature.ED25519)), dict(received.headers), received.body)
    assert not verified(webhook["public_key"], dict(received.headers), received.body + b" ")
    old = dict(received.headers) | {"webhook-timestamp": "1700000000"}
    assert not verified(webhook["public_key"], old, received.body)


def test_a_secret_and_a_key_are_told_apart():
    secret, key = new_secret(), new_secret(Signature.ED25519)
    assert (secret.split("_")[0], key.split("_")[0]) == ("whsec", "whsk")
    assert private_key(secret) is None
    assert public_key(secret) is None
    public = public_key(key)
    assert public is not None
    assert len(base64.b64decode(public.removeprefix("whpk_"), validate=True)) == 32
    with pytest.raises(ValueError):
        private_key("whsk_AAAA")
