"""The one door to RabbitMQ: confirmed publishing; consuming with growing delays and a parked queue."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from typing import Final

from opentelemetry.trace import SpanKind

from shared import metrics
from shared.bus.connection import ANSWER, PAUSE, Away, Deaf, Refused, Unroutable, channel, check_cancelled
from shared.bus.reader import ATTEMPT, REASON, Handler, Reader
from shared.bus.sender import Sender
from shared.bus.topology import DELAYS, EXCHANGE, declare, parked_queue, retry_queue
from shared.events import PREFIX, Event
from shared.tracing import current_traceparent, span

__all__ = [
    "ATTEMPT",
    "DELAYS",
    "EXCHANGE",
    "REASON",
    "Away",
    "Bus",
    "Deaf",
    "Refused",
    "Unroutable",
    "declare",
    "parked_queue",
    "retry_queue",
]

_VAIN: Final = 3  # so many failures in a row, with the broker there, end the consumer
_LASTING: Final = 60.0  # seconds after which what failed before is forgotten
_PAUSE_MIN: Final = 0.1

_log = logging.getLogger(__name__)


class Bus:
    """Publishes and consumes over whichever of `urls` answers; `name` is what operators see of us.

    Connections are made when needed and made again when lost. Nothing is declared here.
    """

    def __init__(self, urls: Sequence[str], name: str, *, timeout: float = 10.0) -> None:
        self._urls = tuple(urls)
        self._name = name
        self._sender = Sender(self._urls, name, timeout)
        self._readers: dict[str, Reader] = {}

    async def publish(self, event: Event) -> None:
        """Return once a queue has the event on disk.

        Raises Away when no confirmation came, which leaves open whether it arrived: publish it again;
        Unroutable when no queue is bound for its type, Refused when the broker does not take it.
        """
        with span(
            f"publish {event.type}",
            parent=event.traceparent,
            kind=SpanKind.PRODUCER,
            event=event.id,
            event_type=event.type,
        ):
            headers = event.headers()
            if traceparent := current_traceparent():
                headers[PREFIX + "traceparent"] = traceparent
            await self._sender.send(event.body(), headers, event.type)
        metrics.published.labels(event.type).inc()

    async def consume(
        self, queue: str, handler: Handler, *, prefetch: int = 32, delays: Sequence[float] = DELAYS
    ) -> None:
        """Give each event of the queue to the handler, for ever; Deaf when that is not possible.

        A message is acknowledged after the handler has returned. When it raises, the message comes again
        after each of `delays` (seconds) in turn and is then parked, with the reason; a malformed one is
        parked at once. While the handler raises MongoDB's Unavailable the message stays in hand and no
        attempt is counted. Events of one subject are handled one after another as they came, others side
        by side, up to `prefetch`.
        """
        vain, pause = 0, _PAUSE_MIN
        while True:
            started = time.monotonic()
            reader = self._readers[queue] = Reader(self._sender, queue, handler, delays)
            try:
                await reader.run(self._urls, self._name, prefetch)
            except Away as error:
                _log.warning("%s is not consumed: %s", queue, error)
            except (Deaf, Unroutable) as error:
                _log.error("%s cannot be consumed: %s", queue, error)
                vain += 1
                if vain == _VAIN:
                    raise Deaf(f"{queue} cannot be consumed") from error
                pause = PAUSE
            check_cancelled()
            if time.monotonic() - started > _LASTING:
                vain, pause = 0, _PAUSE_MIN
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, PAUSE)

    def is_consuming(self, queue: str) -> bool:
        """Say whether the queue is being consumed at this moment."""
        return queue in self._readers and self._readers[queue].consuming

    async def is_alive(self) -> bool:
        """Say whether publishing is possible now."""
        try:
            await self._sender.open()
        except Away:
            return False
        return True

    async def parked(self, queue: str) -> int:
        """Count the messages of the queue that wait for an operator. Raises Away, Deaf."""
        async with channel(self._urls, self._name) as raw:
            found = await raw.declare_queue(parked_queue(queue), passive=True, timeout=ANSWER)
            return found.declaration_result.message_count or 0

    async def requeue_parked(self, queue: str) -> int:
        """Give every parked message back to its queue, attempts counted anew; their number.

        Raises Away, Deaf, Refused; what was moved until then stays moved.
        """
        moved = 0
        async with channel(self._urls, self._name) as opened:
            found = await opened.declare_queue(parked_queue(queue), passive=True, timeout=ANSWER)
            raw = await opened.get_underlay_channel()
            for _ in range(found.declaration_result.message_count or 0):
                message = await raw.basic_get(parked_queue(queue), timeout=ANSWER)
                if message.delivery_tag is None:
                    break
                await self._sender.copy(message, queue, {})
                await raw.basic_ack(message.delivery_tag)
                moved += 1
        return moved

    async def close(self) -> None:
        """Close the publishing connection; consumers end with their task."""
        await self._sender.close()
