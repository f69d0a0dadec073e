"""Everything that left the services or stays behind them, without what is theirs to keep of people."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from shared.mongo import Mongo
from tests.journeys.city import City

# The fields in which a service keeps what it was given, and the content of papers.
_KEPT: Final[Mapping[str, Mapping[str, Any]]] = {
    "matters": {"history.form": 0, "history.person": 0},
    "accesses": {"person": 0, "released_by": 0},
    "grants": {"asked_by": 0, "released_by": 0},
    "units": {"contact_points": 0},
    "webhooks": {"url": 0},
    "fs.chunks": {"data": 0},
}


async def texts(city: City) -> list[tuple[str, str]]:
    """Logs, spans, metrics, refusals, events, messages and documents, each with its place."""
    files = [file for part in ("logs", "traces") for file in (city.folder / part).iterdir()]
    return [
        *((file.name, file.read_text()) for file in files),
        *[(url, (await city.client.get(f"{url}/metrics")).text) for url in city.suite.processes.values()],
        *(("refusal", refusal) for refusal in city.refusals),
        *(("event", f"{each.event.headers()} {each.event.body().decode()}") for each in city.spied),
        *(("webhook", f"{dict(each.headers)} {each.body.decode()}") for each in city.receiver.received),
        *[pair for mongo in city.databases.values() async for pair in _documents(mongo)],
    ]


async def _documents(mongo: Mongo) -> AsyncIterator[tuple[str, str]]:
    for name in await mongo.database.list_collection_names():
        async for document in mongo.database[name].find({}, _KEPT.get(name)):
            yield f"{mongo.database.name}.{name}", str(document)
