"""The exchange and the queues, made once by a step of the migration; services only open them."""

from collections.abc import Sequence
from typing import Any, Final

from aio_pika import ExchangeType

from shared.bus.connection import channel

EXCHANGE: Final = "liandong.events"
DELAYS: Final = (1.0, 10.0, 60.0, 600.0)  # seconds before the second, third, fourth and fifth attempt

# Deliveries after which the broker itself parks a message, since it seems to kill its readers. The number is
# set because what it is by default, and whether it may be none, differs between versions.
_DELIVERIES: Final = 50
_ANY_NUMBER: Final = 1_000_000_000


def retry_queue(queue: str, delay: float) -> str:
    """Name the queue in which messages of `queue` wait for `delay` seconds."""
    return f"{queue}.retry.{round(delay * 1000)}"


def parked_queue(queue: str) -> str:
    """Name the queue in which messages of `queue` wait for an operator."""
    return f"{queue}.parked"


async def declare(
    urls: Sequence[str], *, queue: str, binds: Sequence[str], delays: Sequence[float] = DELAYS
) -> None:
    """Make the exchange, the queue with its bindings, its retry queues and its parked queue.

    Does nothing where they are. Raises Away, and Deaf when one exists with other properties.
    """
    async with channel(urls, "migration") as raw:
        exchange = await raw.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)
        await raw.declare_queue(parked_queue(queue), durable=True, arguments=_quorum(_ANY_NUMBER))
        main = await raw.declare_queue(
            queue, durable=True, arguments=_quorum(_DELIVERIES) | _then(parked_queue(queue))
        )
        for delay in delays:
            waits = {"x-message-ttl": round(delay * 1000)}
            await raw.declare_queue(
                retry_queue(queue, delay),
                durable=True,
                arguments=_quorum(_ANY_NUMBER) | _then(queue) | waits,
            )
        for pattern in binds:
            await main.bind(exchange, pattern)


def _quorum(deliveries: int) -> dict[str, Any]:
    return {"x-queue-type": "quorum", "x-delivery-limit": deliveries, "x-overflow": "reject-publish"}


def _then(queue: str) -> dict[str, Any]:
    """Where a message goes from here; the other queue confirms it before this one forgets it."""
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
    }
