"""Consuming: one stretch of it on one connection, and where a message goes that could not be handled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel, DeliveredMessage
from opentelemetry.trace import SpanKind

from shared import metrics
from shared.bus.connection import ANSWER, PAUSE, Away, Deaf, Refused, Unroutable, close, connect, translated
from shared.bus.sender import Sender
from shared.bus.topology import parked_queue, retry_queue
from shared.events import Event
from shared.logs import anatomy
from shared.mongo import Unavailable
from shared.tracing import span

ATTEMPT: Final = "liandong-attempt"  # header: how many attempts have failed
REASON: Final = "liandong-reason"  # header: why it waits; kinds of error and places, never contents
_REASON_LENGTH: Final = 1000

_WATCH: Final = 10.0  # seconds between two looks whether a silent queue is really empty
_GRACE: Final = 1.0  # seconds in which a message that waits ought to come
_FINISH: Final = 3.0  # seconds that handlers get to finish at the end

Handler = Callable[[Event], Awaitable[None]]

_log = logging.getLogger(__name__)


class Reader:
    """Reads one queue until something ends it; a new one is made for the next connection."""

    def __init__(self, sender: Sender, queue: str, handler: Handler, delays: Sequence[float]) -> None:
        self._sender = sender
        self._queue = queue
        self._handler = handler
        self._delays = delays
        self._delivered = 0
        self._in_hand: set[asyncio.Task[None]] = set()
        self._latest: dict[str, asyncio.Task[None]] = {}  # of each subject, what came last
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.consuming = False

    async def run(self, urls: Sequence[str], name: str, prefetch: int) -> None:
        """Consume. Raises Away when the connection is lost, Deaf or Unroutable when the topology is wrong."""
        connection = await connect(urls, name)
        try:
            with translated():
                async with asyncio.timeout(ANSWER):
                    # Retries are published elsewhere: an alarm of the broker blocks connections that publish.
                    channel = await connection.channel(publisher_confirms=False)
                    await channel.set_qos(prefetch_count=prefetch)
                    raw = await channel.get_underlay_channel()
                    raw.on_consumer_cancel_callbacks.add(lambda _: self._end(Away("the broker cancelled it")))
                    consumer = await raw.basic_consume(self._queue, self._receive)
            self.consuming = True
            try:
                await self._watch(connection, raw)
            finally:
                self.consuming = False
                with suppress(Away, Deaf), translated():
                    async with asyncio.timeout(_GRACE):
                        await raw.basic_cancel(consumer.consumer_tag or "")
        finally:
            # What is still in hand comes again on the next connection: first it must end on this one.
            if self._in_hand:
                await asyncio.wait(set(self._in_hand), timeout=_FINISH)
            for task in self._in_hand:
                task.cancel()
            await asyncio.gather(*self._in_hand, return_exceptions=True)
            await close(connection)

    async def _watch(self, connection: AbstractConnection, raw: AbstractChannel) -> None:
        closing = raw.closing
        while True:
            before = self._delivered
            await asyncio.wait({closing, self._over}, timeout=_WATCH, return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                self._over.result()
            if closing.done():
                raise Away("the channel was closed")
            # A consumer can be lost without a word: then messages wait and none comes.
            if await self._waiting(connection) and not self._in_hand and self._delivered == before:
                await asyncio.sleep(_GRACE)
                if self._delivered == before:
                    raise Deaf("messages wait and none is delivered")

    async def _waiting(self, connection: AbstractConnection) -> int:
        with translated():
            async with asyncio.timeout(ANSWER):
                channel = await connection.channel(publisher_confirms=False)
                found = await channel.declare_queue(self._queue, passive=True)
                await channel.close()
        return found.declaration_result.message_count or 0

    def _end(self, error: BaseException) -> None:
        if not self._over.done():
            self._over.set_exception(error)
            self._over.exception()  # seen, should the reader end for another reason first

    async def _receive(self, message: DeliveredMessage) -> None:
        self._delivered += 1
        try:
            event = Event.from_message(message.header.properties.headers or {}, message.body)
        except ValueError as error:
            task = asyncio.create_task(self._park(message, f"malformed: {error}", 0))
        else:
            task = asyncio.create_task(self._take(message, event, self._latest.get(event.subject)))
            self._latest[event.subject] = task
        self._in_hand.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._end(error)

    async def _take(self, message: DeliveredMessage, event: Event, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait({before})
        failed = (message.header.properties.headers or {}).get(ATTEMPT, 0)
        attempt = failed + 1 if isinstance(failed, int) else 1
        try:
            with span(
                f"consume {event.type}",
                parent=event.traceparent,
                kind=SpanKind.CONSUMER,
                event=event.id,
                event_type=event.type,
                queue=self._queue,
                attempt=attempt,
            ):
                await self._handle(event)
        except Exception as error:  # noqa: BLE001  # whatever it was, the message has a place to go
            reason = anatomy(error)
            if attempt <= len(self._delays):
                await self._copy(
                    message, retry_queue(self._queue, self._delays[attempt - 1]), attempt, reason
                )
                metrics.retried.labels(self._queue).inc()
                await self._acknowledge(message)
            else:
                await self._park(message, reason, attempt)
        else:
            metrics.handled.labels(self._queue, event.type).inc()
            await self._acknowledge(message)
        finally:
            if self._latest.get(event.subject) is asyncio.current_task():
                del self._latest[event.subject]

    async def _handle(self, event: Event) -> None:
        pause = 0.1
        while True:
            try:
                return await self._handler(event)
            except Unavailable:
                # No fault of the message, and none would fare better: they wait here and in their queue.
                _log.warning("event %s waits for MongoDB", event.id)
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE)
            except Exception as error:
                _log.warning("event %s (%s) could not be handled: %s", event.id, event.type, anatomy(error))
                raise

    async def _park(self, message: DeliveredMessage, reason: str, attempt: int) -> None:
        await self._copy(message, parked_queue(self._queue), attempt, reason)
        metrics.parked.labels(self._queue).inc()
        _log.error("a message of %s is parked: %s", self._queue, reason)
        await self._acknowledge(message)

    async def _copy(self, message: DeliveredMessage, queue: str, attempt: int, reason: str) -> None:
        headers: dict[str, str | int] = {ATTEMPT: attempt, REASON: reason[:_REASON_LENGTH]}
        pause = 0.1
        while True:
            try:
                return await self._sender.copy(message, queue, headers)
            except Unroutable:
                raise
            except (Away, Refused):
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE)

    async def _acknowledge(self, message: DeliveredMessage) -> None:
        if message.delivery_tag is not None:
            # Should it be lost, the message comes again, and its effect is there already.
            with suppress(Away, Deaf), translated():
                await message.channel.basic_ack(message.delivery_tag, wait=False)
