"""What only its readers may read: values encrypted on this side, each owner's under a data key of its own."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pymongo
from bson import Binary, CodecOptions
from pymongo.encryption import ClientEncryption
from pymongo.encryption_shared import Algorithm
from pymongo.errors import ConnectionFailure, DuplicateKeyError, EncryptionError

from shared.mongo import PATIENCE, Document, Mongo, guarded

_ALGORITHM: Final = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random
# How long a key is remembered after it was last fetched: a destroyed one is gone everywhere within this time.
_REMEMBERED: Final = 20.0
_KEYS: Final = "keys"

T = TypeVar("T")


class Away(Exception):  # a state of the key server, answered with 503
    """The keys cannot be reached now: nothing can be sealed or opened, and nothing was kept in the clear."""


class Destroyed(Exception):  # what became of it
    """The key of this owner was destroyed: what was sealed under it is unreadable for good."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who wraps the data keys: `name` as the driver calls it, where it is, and which of its keys is used now."""

    name: str
    providers: Mapping[str, Mapping[str, Any]] = field(repr=False)
    tls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    master_key: Mapping[str, Any] = field(default_factory=dict)


def local_provider(name: str, folder: Path) -> Provider:
    """Give the master keys of a folder, each 96 bytes in Base64 in `<name>.key`; for one machine's trials only."""
    keys = {
        f"local:{file.stem}": {"key": base64.b64decode(file.read_text(), validate=True)}
        for file in sorted(folder.glob("*.key"))
    }
    if f"local:{name}" not in keys:
        raise LookupError(f"there is no key {name} in the folder")
    return Provider(f"local:{name}", keys)


def kmip_provider(key: str, *, endpoint: str, ca_file: str, certificate_file: str) -> Provider:
    """Give the key server at `host:port` that speaks KMIP; `key` is the id of its key that is used now."""
    tls = {"tlsCAFile": ca_file, "tlsCertificateKeyFile": certificate_file}
    return Provider("kmip", {"kmip": {"endpoint": endpoint}}, {"kmip": tls}, {"keyId": key})


class Vault:
    """Seals values under the data key of an owner (a matter, a paper), and opens them again.

    Data keys live in a database of their own, wrapped by the provider's master key: what is backed up without it
    is unreadable, and what is destroyed in it stays so. `masked` is keyed too, under a key that never reaches a
    database, so that equal values can be found and none can be guessed.
    """

    def __init__(self, mongo: Mongo, database: str, provider: Provider, hash_key: bytes) -> None:
        self._keys = mongo.client[database][_KEYS]
        self._provider = provider
        self._hash_key = hash_key
        self._encryption: ClientEncryption[Document] = ClientEncryption(
            dict(provider.providers),
            f"{database}.{_KEYS}",
            mongo.client.delegate,
            CodecOptions(),
            kms_tls_options=dict(provider.tls),
            key_expiration_ms=round(_REMEMBERED * 1000),
        )

    async def ensure_indexes(self) -> None:
        """Make the index that keeps one key for each owner."""
        async with guarded():
            await self._keys.create_index("keyAltNames", unique=True)

    async def seal(self, owner: str, values: Mapping[str, Any]) -> dict[str, bytes]:
        """Encrypt each value under the owner's key, which is made if there is none. Raises Away or Unavailable."""
        key = await self._key(owner) or await self._new_key(owner)

        def work() -> dict[str, bytes]:
            return {
                name: self._encryption.encrypt(_written(value), _ALGORITHM, key_id=key)
                for name, value in values.items()
            }

        return await self._off_the_loop(work)

    async def open(self, owner: str, sealed: Mapping[str, bytes]) -> dict[str, Any]:
        """Decrypt what `seal` gave. Raises Destroyed, Away or Unavailable."""
        if await self._key(owner) is None:
            raise Destroyed

        def work() -> dict[str, Any]:
            return {name: _read(self._encryption.decrypt(Binary(value, 6))) for name, value in sealed.items()}

        return await self._off_the_loop(work)

    async def destroy(self, owners: Iterable[str]) -> None:
        """Remove the owners' keys: nobody opens what was sealed under them any more, nor what a backup holds of it."""
        async with guarded():
            await self._keys.delete_many({"keyAltNames": {"$in": list(owners)}})

    async def rewrap(self) -> int:
        """Wrap every data key by the provider's present key, and say how many; what is sealed stays as it is."""

        def work() -> int:
            done = self._encryption.rewrap_many_data_key(
                {}, provider=self._provider.name, master_key=dict(self._provider.master_key) or None
            )
            return done.bulk_write_result.modified_count if done.bulk_write_result else 0

        return await self._off_the_loop(work, seconds=None)

    def masked(self, kind: str, value: str) -> str:
        """Give the keyed hash, in hex, by which an equal value of that kind is found."""
        return hmac.new(self._hash_key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()

    async def close(self) -> None:
        """Forget every key."""
        await asyncio.to_thread(self._encryption.close)

    async def _key(self, owner: str) -> Binary | None:
        async with guarded():
            found = await self._keys.find_one({"keyAltNames": owner}, {"_id": 1})
        return Binary.from_uuid(found["_id"]) if found else None

    async def _new_key(self, owner: str) -> Binary:
        def work() -> None:
            try:
                self._encryption.create_data_key(
                    self._provider.name,
                    master_key=dict(self._provider.master_key) or None,
                    key_alt_names=[owner],
                )
            except EncryptionError as error:
                if not isinstance(error.cause, DuplicateKeyError):
                    raise

        await self._off_the_loop(work)
        key = await self._key(owner)
        if key is None:
            raise Away  # destroyed again this very moment
        return key

    async def _off_the_loop(self, work: Callable[[], T], seconds: float | None = PATIENCE) -> T:
        """Do what may ask the provider, in a thread; whatever keeps it from answering, nothing was sealed or opened."""
        try:
            async with asyncio.timeout(seconds):
                with pymongo.timeout(seconds):
                    return await asyncio.to_thread(work)
        except (EncryptionError, ConnectionFailure, TimeoutError) as error:
            raise Away from error


def _written(value: Any) -> Any:
    """Bytes stay bytes; everything else travels as JSON text."""
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)


def _read(opened: Any) -> Any:
    return json.loads(opened) if isinstance(opened, str) else opened
