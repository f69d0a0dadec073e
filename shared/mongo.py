"""The one door to MongoDB: how we connect, what unavailable means, and what time it is on the server."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import ConnectionFailure, PyMongoError

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection, AsyncIOMotorDatabase

# motor's classes take their parameter only in the stubs, so the names are texts at run time.
Document: TypeAlias = dict[str, Any]
Client: TypeAlias = "AsyncIOMotorClient[Document]"
Database: TypeAlias = "AsyncIOMotorDatabase[Document]"
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"
Session: TypeAlias = "AsyncIOMotorClientSession"

T = TypeVar("T")

PATIENCE: Final = 5.5  # seconds until a caller hears that the database is away
_CLOCK_REFRESH: Final = 30.0
_NO_LIMIT: Final = 24 * 3600.0  # None would mean the limit of the connection
_RETRYABLE: Final = ("RetryableWriteError", "TransientTransactionError")
_OPTIONS: Final[dict[str, Any]] = {
    # A step is kept only when a majority has it on disk, and what is read can no longer be rolled back.
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    # A frozen or lost primary costs a caller seconds, not the length of the freeze.
    "timeoutMS": 5000,  # over everything an operation does, choosing a server included
    "connectTimeoutMS": 2000,
    "heartbeatFrequencyMS": 1000,
    "tz_aware": True,
    "tzinfo": UTC,
    "uuidRepresentation": "standard",
}

_log = logging.getLogger(__name__)


class Unavailable(Exception):  # a state of the server, answered with 503
    """MongoDB did not answer in time; a write that was under way may or may not have happened."""


@asynccontextmanager
async def guarded(seconds: float | None = PATIENCE) -> AsyncIterator[None]:
    """Turn lost connections and time-outs of the block into Unavailable, after `seconds` at the latest.

    Serves as a decorator too: `@guarded()`. None means no limit over the whole block, for streams.
    """
    try:
        # The driver's own limits start when one of its few threads takes the work up: with the server away
        # and many callers waiting, only a limit of ours holds for the last of them.
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise Unavailable("MongoDB did not answer in time") from error
        raise
    except PyMongoError as error:
        if (
            isinstance(error, ConnectionFailure)
            or error.timeout
            or any(map(error.has_error_label, _RETRYABLE))
        ):
            raise Unavailable("MongoDB is not available") from error
        raise


@asynccontextmanager
async def unhurried() -> AsyncIterator[None]:
    """Be `guarded` without a limit of time, for what takes as long as there are documents: an index."""
    with pymongo.timeout(_NO_LIMIT):
        async with guarded(None):
            yield


async def in_transaction(database: Database, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Do the work in one transaction: all that it writes with the session is kept, or nothing of it.

    It is done again from the beginning when another transaction was in its way, so it must do nothing else.
    Raises Unavailable like `guarded`.
    """
    async with guarded(), await database.client.start_session() as session:
        result: T = await session.with_transaction(work)
    return result


class ServerClock:
    """The time of the MongoDB server; the process's own wall clock is never asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._offset: timedelta | None = None

    def now(self) -> datetime:
        """Give the moment, aware and in UTC."""
        if self._offset is None:
            raise RuntimeError("the clock was never set")
        return _monotonic() + self._offset

    async def refresh(self) -> None:
        """Measure the server's clock once more; Unavailable when it does not answer."""
        before = _monotonic()
        async with guarded():
            answer = await self._client.admin.command("hello")
        after = _monotonic()
        # A raw command answers with naive moments, whatever the client's options.
        there: datetime = answer["localTime"].replace(tzinfo=UTC)
        offset = there - (before + (after - before) / 2)
        # Within what the way there and back leaves uncertain the old value stands, so that time does not
        # step backward for nothing.
        uncertainty = (after - before) / 2 + timedelta(milliseconds=1)
        if self._offset is None or abs(offset - self._offset) > uncertainty:
            self._offset = offset

    async def run(self) -> None:
        """Follow the server's clock for ever; while it does not answer, the last measure holds."""
        while True:
            await asyncio.sleep(_CLOCK_REFRESH)
            try:
                await self.refresh()
            except Unavailable:
                _log.warning("the clock of MongoDB could not be read")


@dataclass(frozen=True, slots=True)
class Mongo:
    """One connected client, the database of this service, and the server's clock."""

    client: Client
    database: Database
    clock: ServerClock
    _clock_loop: asyncio.Task[None]

    async def close(self) -> None:
        """End the clock's loop and every connection."""
        self._clock_loop.cancel()
        with suppress(asyncio.CancelledError):
            await self._clock_loop
        await asyncio.to_thread(self.client.close)  # it says goodbye, and would hold up the loop

    async def alive(self) -> bool:
        """Say whether a primary answers now."""
        try:
            async with guarded():
                await self.client.admin.command("ping")
        except Unavailable:
            return False
        return True


async def connect(url: str, database: str) -> Mongo:
    """Connect, and know the server's time; Unavailable within 6 s when no primary answers."""
    client: Client = AsyncIOMotorClient(url, **_OPTIONS)
    clock = ServerClock(client)
    try:
        await clock.refresh()
        await clock.refresh()  # the first measure paid for making the connection
    except BaseException:
        client.close()
        raise
    loop = asyncio.create_task(clock.run(), name="mongo clock")
    return Mongo(client, client[database], clock, loop)


def _monotonic() -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=time.monotonic())
