"""What is sealed is opened again by whoever has the keys, and by nobody without them."""

import asyncio
import base64
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import bson
import pytest

from deploy.local.servers import keys_of
from shared.mongo import Mongo, connect
from shared.vault import Away, Destroyed, Provider, Vault, kmip_provider, local_provider
from tests.shared.keyserver import KeyServer, key_server

CANARY = "金丝雀·瀍河"
HASH_KEY = b"k" * 32
BARE: bson.CodecOptions[dict[str, Any]] = bson.CodecOptions(uuid_representation=4)

Opened = Callable[[Provider], AbstractAsyncContextManager[Vault]]


@pytest.fixture
async def mongo(mongo_url: str, database: str) -> AsyncIterator[Mongo]:
    connected = await connect(mongo_url, database)
    yield connected
    await connected.close()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in ("first", "second"):
        (tmp_path / f"{name}.key").write_text(base64.b64encode(secrets.token_bytes(96)).decode())
    return tmp_path


@pytest.fixture
def opened(mongo: Mongo, database: str) -> Opened:
    """Vaults over one database of keys, each as another process would have it."""

    @asynccontextmanager
    async def vault_of(provider: Provider) -> AsyncIterator[Vault]:
        vault = Vault(mongo, keys_of(database), provider, HASH_KEY)
        await vault.ensure_indexes()
        yield vault
        await vault.close()

    return vault_of


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KeyServer]:
    async with key_server(tmp_path_factory.mktemp("keyserver")) as running:
        yield running


def at(server: KeyServer, key: str) -> Provider:
    return kmip_provider(
        key,
        endpoint=f"127.0.0.1:{server.port}",
        ca_file=server.ca_file,
        certificate_file=server.certificate_file,
    )


async def test_what_is_sealed_is_opened_again_and_nowhere_in_the_clear(
    opened: Opened, keys: Path, mongo: Mongo, database: str
):
    values = {"name": CANARY, "list": [1, {"a": CANARY}], "none": None, "raw": CANARY.encode()}
    async with opened(local_provider("first", keys)) as vault:
        sealed = await vault.seal("owner", values)
        again = await vault.seal("owner", values)
        assert await vault.open("owner", sealed) == values
    stored = await mongo.client[keys_of(database)]["keys"].find().to_list(None)
    assert CANARY.encode() not in bson.encode({"sealed": sealed, "stored": stored}, codec_options=BARE)
    assert all(sealed[name] != again[name] for name in values)  # equal values do not look equal


async def test_every_owner_has_one_key_however_many_begin_at_once(
    opened: Opened, keys: Path, mongo: Mongo, database: str
):
    async with opened(local_provider("first", keys)) as vault, opened(local_provider("first", keys)) as other:
        work = [each.seal("owner", {"n": n}) for n in range(20) for each in (vault, other)]
        sealed = await asyncio.gather(*work)
        assert [(await vault.open("owner", each))["n"] for each in sealed] == [
            n for n in range(20) for _ in (0, 1)
        ]
    assert await mongo.client[keys_of(database)]["keys"].count_documents({}) == 1


async def test_a_destroyed_key_opens_nothing_in_any_process_nor_when_the_owner_seals_anew(
    opened: Opened, keys: Path
):
    async with opened(local_provider("first", keys)) as vault, opened(local_provider("first", keys)) as other:
        sealed = await vault.seal("owner", {"name": CANARY})
        kept = await vault.seal("another", {"name": CANARY})
        assert await other.open("owner", sealed) == {"name": CANARY}  # its key is remembered there now
        await vault.destroy(["owner"])
        for each in (vault, other):
            with pytest.raises(Destroyed):
                await each.open("owner", sealed)
        assert await other.open("another", kept) == {"name": CANARY}


async def test_without_the_key_a_copy_of_everything_else_is_unreadable(opened: Opened, keys: Path):
    async with opened(local_provider("first", keys)) as vault:
        sealed = await vault.seal("owner", {"name": CANARY})
        await vault.destroy(["owner"])
        await vault.seal("owner", {"name": "a new key under the old name"})
    async with opened(local_provider("first", keys)) as fresh:
        with pytest.raises(Away):  # the key that is there is not the one it was sealed with
            await fresh.open("owner", sealed)


async def test_a_new_master_key_keeps_everything_readable_and_the_old_one_is_no_longer_needed(
    opened: Opened, keys: Path
):
    async with opened(local_provider("first", keys)) as vault:
        sealed = {owner: await vault.seal(owner, {"owner": owner}) for owner in ("a", "b", "c")}
    async with opened(local_provider("second", keys)) as vault:
        assert await vault.rewrap() == 3
    (keys / "first.key").unlink()
    async with opened(local_provider("second", keys)) as vault:
        assert [(await vault.open(owner, each))["owner"] for owner, each in sealed.items()] == ["a", "b", "c"]


async def test_the_key_server_wraps_and_rotates(opened: Opened, server: KeyServer):
    first, second = [await server.new_key() for _ in range(2)]
    async with opened(at(server, first)) as vault:
        sealed = await vault.seal("owner", {"name": CANARY})
    async with opened(at(server, second)) as vault:
        assert await vault.rewrap() == 1
        assert await vault.open("owner", sealed) == {"name": CANARY}


async def test_with_the_key_server_away_nothing_is_sealed_or_opened_and_nobody_waits_long(
    opened: Opened, server: KeyServer, mongo: Mongo, database: str
):
    key = await server.new_key()
    async with opened(at(server, key)) as vault:
        sealed = await vault.seal("owner", {"name": CANARY})
    await server.process.pause()
    try:
        async with opened(at(server, key)) as vault:
            began = asyncio.get_running_loop().time()
            for work in (vault.open("owner", sealed), vault.seal("new", {"name": CANARY})):
                with pytest.raises(Away):
                    await work
            assert asyncio.get_running_loop().time() - began < 13
            assert await mongo.client[keys_of(database)]["keys"].count_documents({}) == 1
    finally:
        await server.process.resume()
    async with opened(at(server, key)) as vault:
        assert await vault.open("owner", sealed) == {"name": CANARY}


async def test_a_masked_value_is_the_same_again_and_another_for_another_key_or_kind(
    opened: Opened, keys: Path, mongo: Mongo, database: str
):
    value = f"99000020150101{uuid.uuid4().hex[:4]}"
    async with opened(local_provider("first", keys)) as vault:
        other = Vault(mongo, keys_of(database), local_provider("first", keys), b"o" * 32)
        assert vault.masked("id", value) == vault.masked("id", value)
        assert len({vault.masked("id", value), vault.masked("name", value), other.masked("id", value)}) == 3
        await other.close()


def test_a_local_key_that_is_not_there_is_said_at_the_start(keys: Path):
    with pytest.raises(LookupError, match="third"):
        local_provider("third", keys)
