"""The whole suite at work on one machine: load a city, play its cases, deliver, and count what came of it."""

import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from deploy.local import load, play
from deploy.local.acts import Receipt
from deploy.local.callers import Caller, Callers, addresses, calling, side_by_side
from deploy.local.cases import personal_values, read_plan
from deploy.local.chain import Chain, play_chain
from deploy.local.load import Loaded, Opened
from deploy.local.play import Road, Walk
from deploy.local.process import first_to_end
from deploy.local.receiver import Receiver
from deploy.local.reckoning import Books, Reckoning, books, found_in
from deploy.local.report import PERSONAL, play_report
from deploy.local.screen import Screen
from deploy.local.servers import Servers, keys_of, local_servers
from deploy.local.suite import ROOT, Suite, SuiteError, running_suite

PATIENCE = 60.0  # seconds until what was said must have arrived
AT_ONCE = 8
SERVICES = ("minors", "notifier", "referral", "suggestion")
HOOKED = ("public_security", "procuratorate", "supervisory_commission")  # the others sit behind firewalls


@dataclass(frozen=True, slots=True)
class Stage:
    """A running suite, with its logs and traces under `folder`, and everybody who takes part."""

    screen: Screen
    folder: Path
    callers: Callers
    receiver: Receiver
    books: Books


async def demo(
    receiver: Receiver | None = None, *, rows: slice = slice(None), patience: float = PATIENCE
) -> int:
    """Play the sample on servers and services of its own, under one folder that is then removed.

    Prints what happened; the last line is the result as JSON. 0, or 1 with the reasons on stderr when anything
    is amiss. Raises ServerError, SuiteError, LoadError, Refusal. `rows`: which of the opened cases are played;
    `patience`: seconds until what was said must have arrived.
    """
    began, screen = monotonic(), Screen()
    (ROOT / ".local").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".local", prefix="demo-") as folder:
        screen.say("Starting MongoDB, RabbitMQ and the services …")
        async with (
            local_servers(Path(folder)) as servers,
            staged(Path(folder), servers, screen, receiver or Receiver()) as (stage, suite),
        ):
            screen.say(f"The suite runs ({monotonic() - began:.1f} s).")
            playing = asyncio.create_task(perform(stage, rows, patience))
            reckoning, followed, amiss = await _unless_ended(suite, playing)
        screen.say("Everything is stopped.")
    screen.amiss(amiss)
    faults = [f"{what}: {number}" for what, number in amiss.items() if number]
    for fault in faults:
        print(fault, file=sys.stderr, flush=True)
    print(reckoning.line(followed, monotonic() - began), flush=True)
    return 1 if faults else 0


@contextlib.asynccontextmanager
async def staged(
    folder: Path, servers: Servers, screen: Screen, receiver: Receiver
) -> AsyncIterator[tuple[Stage, Suite]]:
    """Run the suite on databases and a virtual host that are nobody else's, removed at the end."""
    prefix = f"demo_{secrets.token_hex(4)}_"
    async with servers.vhost() as urls:
        try:
            async with (
                running_suite(folder, servers.mongo_url, urls, names=SERVICES, prefix=prefix) as suite,
                calling(addresses(suite)) as callers,
                books(servers.mongo_url, urls, prefix, callers, receiver) as kept,
            ):
                with receiver.serve():
                    yield Stage(screen, folder, callers, receiver, kept), suite
        finally:
            for name in SERVICES:
                await servers.mongo.drop(prefix + name)
                await servers.mongo.drop(keys_of(prefix + name))


async def perform(
    stage: Stage, rows: slice, patience: float
) -> tuple[Reckoning, Mapping[str, float], Mapping[str, int]]:
    """Load, play, deliver, show, count; the count, what was followed, and whatever is amiss with its number."""
    callers, screen, plan = stage.callers, stage.screen, read_plan(load.MAPPING)
    report = await load.load_units(callers, load.UNITS)
    units = [each async for each in callers.pages(load.KEEPER, "notifier", "/v1/units", active=True)]
    names = {unit["code"]: unit["name"] for unit in units}
    screen.directory(report, units)
    await _hook(stage, [unit["code"] for unit in units if unit["kind"] in HOOKED])
    loaded = await load.load_cases(callers, load.CASES, plan)
    screen.cases(loaded, names)
    reader = Caller(loaded.opened[0].case.unit)
    declaration = await callers.get(reader, "referral", f"/v1/mechanisms/{play.MECHANISM}")
    player = play.Player(
        callers, declaration, {(each["kind"], each["division"]): each["code"] for each in units}
    )
    walks = await _play(stage, player, loaded, rows)
    missed = [walk for walk in walks if walk.road.overdue][:1]
    chains = [await play_chain(callers, walk.matter, walk.unit) for walk in missed]
    followed = await play_report(callers, stage.receiver)
    await stage.books.settle(patience)
    receipts = [receipt for walk in walks for receipt in walk.receipts]
    receipts += [receipt for chain in chains for receipt in chain.receipts]
    receipts += followed.receipts
    receipts += [Receipt(each.matter, 1, each.hash) for each in loaded.opened]
    reckoning = await stage.books.reckon(receipts)
    await _show(stage, declaration, walks, names)
    for chain in chains:
        await _show_chain(stage, chain, names)
    screen.report(followed, names)
    personal = personal_values(load.CASES, plan) | PERSONAL
    amiss = {
        "signatures that do not hold": stage.receiver.refused,
        "places with personal data outside the matters": len(_leaks(stage, personal)),
    }
    line = {"chains": len(chains), "reports": 1, "alert_seconds": round(followed.alert_seconds, 2)}
    return reckoning, line, reckoning.losses | amiss


async def _hook(stage: Stage, units: Sequence[str]) -> None:
    """Register each unit's own webhook, as the unit."""

    async def register(unit: str) -> None:
        url = f"{stage.receiver.url}/{unit}"
        made = await stage.callers.post(Caller(unit), "notifier", "/v1/webhooks", {"url": url})
        stage.receiver.secrets[unit] = made["secret"]

    await side_by_side(map(register, units), AT_ONCE)
    stage.screen.say(f"{len(units)} units have a webhook; the others fetch their notices.")


async def _play(stage: Stage, player: play.Player, loaded: Loaded, rows: slice) -> list[Walk]:
    roads = list(play.on_roads([each for each in loaded.opened if each.new][rows]))
    with stage.screen.progress("Cases played", len(roads)) as advance:

        async def walked(opened: Opened, road: Road) -> Walk:
            walk = await player.walk(opened, road)
            advance()
            return walk

        return await side_by_side((walked(*each) for each in roads), AT_ONCE)


async def _show(stage: Stage, declaration: Any, walks: Sequence[Walk], names: Mapping[str, str]) -> None:
    """One case from its first step to its last, the clocks of a few, and who was told what."""
    screen = stage.screen
    steps = {step["key"]: step["title"] for step in (declaration["opening"], *declaration["steps"])}
    arrived = [json.loads(body)["data"] for body in stage.receiver.verified.values()]
    fetched = list(stage.books.pulled.values())
    screen.roads(walks)
    for number, road in enumerate(play.SHOWN):
        walk = next((each for each in walks if each.road is road), None)
        if walk is None:
            continue
        path, reader = f"{declaration['path']}/{walk.matter}", Caller(walk.unit)
        if number == 0:
            history = await stage.callers.get(reader, "referral", f"{path}/history")
            screen.timeline(f"One case: {road.title}", history["entries"], steps, names)
        screen.clocks(
            f"Clocks of a case: {road.title}",
            await stage.callers.get(reader, "referral", f"{path}/clocks"),
            names,
        )
        if number == 0:
            told = [each for each in (*arrived, *fetched) if each["matter"] == walk.matter]
            screen.notices(f"Notices of a case: {road.title}", told, names)
    screen.deliveries([each["unit"] for each in arrived], [each["unit"] for each in fetched], names)


async def _show_chain(stage: Stage, chain: Chain, names: Mapping[str, str]) -> None:
    """One miss and what came of it: its matters by one correlation, the suggestion from draft to verified points."""
    matter = chain.matters["procuratorial_suggestion"]
    reader = Caller(chain.issuer)
    declared = await stage.callers.get(reader, "suggestion", "/v1/mechanisms/procuratorial_suggestion")
    steps = {step["key"]: step["title"] for step in (declared["opening"], *declared["steps"])}
    path = f"{declared['path']}/{matter}"
    stage.screen.chain(chain.correlation, chain.matters, chain.state)
    history = await stage.callers.get(reader, "suggestion", f"{path}/history")
    stage.screen.timeline(
        "From a missed decision to verified rectification", history["entries"], steps, names
    )
    stage.screen.clocks(
        "Clocks of the suggestion", await stage.callers.get(reader, "suggestion", f"{path}/clocks"), names
    )


def _leaks(stage: Stage, personal: set[str]) -> list[str]:
    """Where personal data stands and must not: logs, traces, events, notices."""
    folders = [stage.folder / part for part in ("logs", "traces")]
    texts = {
        "events": map(str, stage.books.said),
        "deliveries": (body.decode() for body in stage.receiver.verified.values()),
        "feeds": map(str, stage.books.pulled.values()),
    }
    return found_in(folders, texts, personal)


async def _unless_ended(suite: Suite, playing: asyncio.Task[Any]) -> Any:
    """What the task returns; SuiteError as soon as a process of the suite ends."""
    ending = asyncio.create_task(first_to_end(suite.processes))
    try:
        await asyncio.wait({playing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done() and not playing.done():
            raise SuiteError(ending.result().last_words())
        return playing.result()
    finally:
        for task in (playing, ending):
            task.cancel()
        await asyncio.gather(playing, ending, return_exceptions=True)
