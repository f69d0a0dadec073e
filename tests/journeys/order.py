"""In which order a unit ought to be told of its matters, and in which it was."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from tests.journeys.city import City

Order = dict[str, list[str]]  # events by matter


async def due(city: City, unit: str, matters: Collection[str]) -> Order:
    """What of these matters concerns the unit, in the order in which it happened."""
    found: Order = defaultdict(list)
    for event in sorted(await city.said(), key=lambda event: int(event["version"])):
        if event["subject"] in matters and unit in event["data"].get("tell", ()):
            found[event["subject"]].append(event["id"])
    return found


async def told(city: City, unit: str, matters: Collection[str]) -> dict[str, Order]:
    """What the unit was told of these matters as it came, by each way there is; a repeat does not count."""
    ways: dict[str, list[Any]] = {"feed": await city.feed(unit)}
    if unit in city.secrets:
        ways["webhook"] = [message["data"] for message in city.delivered(unit)]
    return {way: _by_matter(notices, matters) for way, notices in ways.items()}


def _by_matter(notices: list[Any], matters: Collection[str]) -> Order:
    found: Order = defaultdict(list)
    for notice in notices:
        if notice["matter"] in matters and notice["event"] not in found[notice["matter"]]:
            found[notice["matter"]].append(notice["event"])
    return {matter: events for matter, events in found.items() if events}
