"""Every place where something that was told can be left: kept, queued, logged, traced, counted, sent or said."""

import asyncio
import base64
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo import MongoClient

from deploy.local.process import Process
from deploy.local.servers import Servers
from shared.bus.connection import channel
from tests.journeys.city import City
from tests.journeys.planted import Piece

FIREHOSE: Final = "firehose"
_TRACE: Final = "amq.rabbitmq.trace"
_MANY: Final = 1_000_000


@dataclass
class Places:
    """The places of one running city, from a moment on.

    `answers` is what its callers were told, but for what was opened to them: that stands in `opened`.
    """

    servers: Servers
    city: City
    since: Timestamp
    answers: list[Piece] = field(default_factory=list)
    opened: list[Piece] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)  # where metrics are answered, beside the processes

    async def everything(self) -> list[Piece]:
        """All there is now."""
        return [
            *self.files(),
            *[each async for each in self.metrics()],
            *await asyncio.to_thread(lambda: list(self.documents())),
            *[each async for each in self.queued()],
            *self.sent(),
            *self.said(),
            *self.answers,
        ]

    def files(self) -> Iterator[Piece]:
        """Logs of every process, of the servers' too, and spans."""
        for kind, part in (("log", "logs"), ("span", "traces")):
            for file in (self.city.folder / part).iterdir():
                yield Piece(kind, file.name, file.read_bytes())
        nodes = (*self.servers.mongo.nodes, *self.servers.rabbit.nodes)
        for folder in {node.output.parent for node in nodes if isinstance(node, Process)}:
            for file in (*folder.glob("*.log"), *folder.glob("rabbit-log/*")):
                if file.is_file():
                    yield Piece("server-log", file.name, file.read_bytes())

    async def metrics(self) -> AsyncIterator[Piece]:
        for url in (*self.city.suite.processes.values(), *self.measured):
            yield Piece("metric", url, (await self.city.client.get(f"{url}/metrics")).content)

    def documents(self) -> Iterator[Piece]:
        """Every document of every database of the suite as its raw bytes, and what was ever written, by the oplog."""
        prefix = self.city.databases[self.city.cases].database.name.removesuffix(self.city.cases)
        with MongoClient[RawBSONDocument](self.servers.mongo_url, document_class=RawBSONDocument) as client:
            for name in client.list_database_names():
                if not name.startswith(prefix):
                    continue
                for collection in client[name].list_collection_names():
                    kind = "chunk" if collection == "fs.chunks" else "document"
                    for document in client[name][collection].find():
                        yield Piece(kind, f"{name.removeprefix(prefix)}.{collection}", bytes(document.raw))
            for document in client["local"]["oplog.rs"].find({"ts": {"$gte": self.since}}):
                yield Piece("oplog", "oplog", bytes(document.raw))
            for document in client["config"]["image_collection"].find():
                yield Piece("oplog", "images", bytes(document.raw))

    async def queued(self) -> AsyncIterator[Piece]:
        """What waits in every queue of the suite, and all that was ever published; it stays there."""
        async with self._management() as api:
            queues: list[dict[str, Any]] = (await api.get(f"/api/queues/{self._vhost}")).json()
            for name in (each["name"] for each in queues):
                answer = await api.post(
                    f"/api/queues/{self._vhost}/{quote(name, safe='')}/get",
                    json={"count": _MANY, "ackmode": "ack_requeue_true", "encoding": "base64"},
                )
                assert answer.status_code == 200, answer.text
                for message in answer.json():
                    body = base64.b64decode(message.pop("payload"))
                    yield Piece("queue", f"{name} body", body)
                    yield Piece("queue", f"{name} properties", _text(message))

    def sent(self) -> Iterator[Piece]:
        for each in self.city.receiver.received:
            yield Piece("webhook", each.path, _text(dict(each.headers)) + each.body)

    def said(self) -> Iterator[Piece]:
        for each in self.city.spied:
            yield Piece("event", each.event.type, _text(each.event.headers()) + each.event.body())

    async def hear(self, answer: httpx.Response) -> None:
        """Keep an answer, as a client's hook; a workbook is unpacked."""
        content = await answer.aread()
        place = f"{answer.request.method} {answer.status_code} {answer.request.url.path}"
        granted = answer.status_code == 200 and answer.request.url.path.endswith("/disclosures")
        heard = Piece("answer", place, _text(dict(answer.headers)) + content)
        (self.opened if granted else self.answers).append(heard)
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as book:
                for name in book.namelist():
                    self.answers.append(Piece("answer", f"{place} {name}", book.read(name)))

    async def listen(self) -> None:
        """Keep a copy of every message that is published from now on, whichever queue it is for."""
        async with channel(self.city.broker, FIREHOSE) as raw:
            queue = await raw.declare_queue(FIREHOSE, durable=True)
            await queue.bind(_TRACE, "publish.#")
        async with self._management() as api:
            (await api.put(f"/api/vhosts/{self._vhost}", json={"tracing": True})).raise_for_status()

    @property
    def _vhost(self) -> str:
        return urlsplit(self.city.broker[0]).path.removeprefix("/")

    def _management(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.servers.rabbit.management, timeout=60, trust_env=False)


@asynccontextmanager
async def places_of(servers: Servers, city: City) -> AsyncIterator[Places]:
    """The places of this city; what was kept before is searched too, what was removed before is not."""
    with MongoClient[dict[str, Any]](servers.mongo_url) as client:
        since: Timestamp = client.admin.command("hello")["operationTime"]
    places = Places(servers, city, since)
    await places.listen()
    yield places


def _text(given: Any) -> bytes:
    return repr(given).encode()
