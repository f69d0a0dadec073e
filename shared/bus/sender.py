"""Publishing: one channel with confirms, made when needed and again when lost."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aiormq.abc import DeliveredMessage

from shared.bus.connection import ANSWER, Away, Deaf, close, connect, translated
from shared.bus.topology import EXCHANGE
from shared.events import CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class _Line:
    connection: AbstractConnection
    channel: AbstractChannel
    events: AbstractExchange


class Sender:
    """Sends messages and waits until a queue has each on disk; many may be under way at once."""

    def __init__(self, urls: Sequence[str], name: str, timeout: float) -> None:
        self._urls = urls
        self._name = name
        self._timeout = timeout
        self._line: _Line | None = None
        self._dialling: asyncio.Task[_Line] | None = None

    async def send(self, body: bytes, headers: dict[str, Any], key: str, *, direct: bool = False) -> None:
        """Send to the exchange of events, or (`direct`) to the queue of that name.

        Raises Away when it was not confirmed within the time-out, which does not say that it did not arrive;
        Unroutable or Refused when the broker said no.
        """
        line = await self.open()
        message = Message(
            body,
            headers=headers,
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            # Never the event's id: a return is matched by this one, and when two attempts in flight share it,
            # an unroutable message can pass for a delivered one.
            message_id=uuid4().hex,
        )
        exchange = line.channel.default_exchange if direct else line.events
        try:
            with translated():
                await exchange.publish(message, key, mandatory=True, timeout=self._timeout)
        except (Away, Deaf) as error:
            # A channel that stays silent is given up, and with it the host that may be frozen.
            await self._hang_up(line)
            raise Away(str(error)) from None

    async def copy(self, message: DeliveredMessage, queue: str, ours: Mapping[str, str | int]) -> None:
        """Send a message once more, to `queue`: same content, our headers renewed, the broker's left out."""
        headers = message.header.properties.headers or {}
        kept = {key: value for key, value in headers.items() if not key.startswith(("x-", "liandong-"))}
        await self.send(message.body, kept | dict(ours), queue, direct=True)

    async def open(self) -> _Line:
        """Give the open channel, making it where there is none. Raises Away."""
        if self._line and not self._line.channel.is_closed:
            return self._line
        if not self._dialling or self._dialling.done():
            self._dialling = asyncio.create_task(self._dial())
            self._dialling.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._dialling)  # one attempt for all who wait

    async def close(self) -> None:
        """Close the connection."""
        if self._dialling and not self._dialling.done():
            self._dialling.cancel()
            await asyncio.wait({self._dialling})
        if self._line:
            await self._hang_up(self._line)

    async def _dial(self) -> _Line:
        if self._line:
            await self._hang_up(self._line)
        connection = await connect(self._urls, self._name)
        try:
            with translated():
                async with asyncio.timeout(ANSWER):
                    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                    events = await channel.get_exchange(EXCHANGE)
        except BaseException as error:
            await close(connection)
            if isinstance(error, Deaf):
                raise Away(f"the exchange is missing: {error}") from None
            raise
        self._line = _Line(connection, channel, events)
        return self._line

    async def _hang_up(self, line: _Line) -> None:
        if self._line is line:
            self._line = None
            await close(line.connection)
