"""How RabbitMQ is reached, and what its failures mean to us."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPChannelError, DeliveryError, PublishError

ANSWER: Final = 5.0  # seconds for one answer of the broker
PAUSE: Final = 2.0  # seconds at most until the next try
_CONNECT: Final = 2.0  # seconds for one host
_HEARTBEAT: Final = 15  # seconds


class Away(Exception):  # a state of the broker
    """RabbitMQ is not reachable or did not confirm in time; what was sent may or may not have arrived."""


class Refused(Exception):  # an answer of the broker
    """RabbitMQ did not take this message."""


class Unroutable(Refused):
    """No queue is bound for this message."""


class Deaf(Exception):  # a state of ours
    """A queue cannot be used although the broker answers."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the library raises into our four words; messages it may quote are left out."""
    try:
        yield
    except PublishError:
        raise Unroutable("no queue is bound for it") from None
    except DeliveryError:
        raise Refused("the broker did not take it") from None
    except AMQPChannelError as error:
        raise Deaf(f"the broker closed the channel ({type(error).__name__})") from None
    except CONNECTION_EXCEPTIONS as error:  # time-outs among them
        raise Away(f"the connection failed ({type(error).__name__})") from None
    except asyncio.CancelledError:
        # The library cancels what waits on a connection that closes.
        raise Away("the connection was closed") from None
    finally:
        check_cancelled()


def check_cancelled() -> None:
    """Raise CancelledError if somebody has cancelled us: inside the library a cancellation can get lost."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


async def connect(urls: Sequence[str], name: str) -> AbstractConnection:
    """Connect to any one of the hosts, in random order; raises Away when none answers."""
    reasons: list[str] = []
    for url in random.sample(urls, len(urls)):
        connection = Connection(
            make_url(url, heartbeat=_HEARTBEAT), client_properties={"connection_name": name}
        )
        try:
            async with asyncio.timeout(_CONNECT):
                await connection.connect()
        except CONNECTION_EXCEPTIONS as error:
            reasons.append(type(error).__name__)
        else:
            return connection
        finally:
            if not connection.connected.is_set():
                await connection.close()  # or whichever thread collects it tries to, without a loop
    raise Away(f"no RabbitMQ answers ({', '.join(reasons)})")


async def close(connection: AbstractConnection) -> None:
    """Close, without waiting long for a broker that does not answer."""
    try:
        with suppress(*CONNECTION_EXCEPTIONS):
            async with asyncio.timeout(_CONNECT):
                await connection.close()
    finally:
        await connection.close()  # at once: without its transport it only notes that it is closed


@asynccontextmanager
async def channel(urls: Sequence[str], name: str) -> AsyncIterator[AbstractChannel]:
    """Give a channel on a connection of its own, for one short piece of work. Raises Away, Deaf."""
    connection = await connect(urls, name)
    try:
        with translated():
            yield await connection.channel(publisher_confirms=False)
    finally:
        await close(connection)
