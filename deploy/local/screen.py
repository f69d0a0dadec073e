"""What a demo shows: progress while it runs, tables of what happened; readable in a file too."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from deploy.local.load import Loaded
from deploy.local.play import Walk
from deploy.local.report import Report
from shared.clocks.calendar import SHANGHAI

Names = Mapping[str, str]  # units by code


class Screen:
    """Writes to standard output."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=160)

    def say(self, text: str) -> None:
        """One sentence."""
        self.console.print(text, markup=False)

    @contextlib.contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar while the block runs; what is yielded moves it on by one. A file gets one line at the end."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bars:
            task = bars.add_task(title, total=total)
            yield lambda: bars.advance(task)
        if not self.console.is_terminal:
            self.say(f"{title}: {total}")

    def directory(self, report: Mapping[str, Any], units: Iterable[Mapping[str, Any]]) -> None:
        """What the import of the directory came to."""
        kinds = Counter(unit["kind"] for unit in units)
        self._table(
            f"Directory: {report['created']} units created, {report['refused']} rows refused",
            ("kind", "units"),
            [(kind, str(number)) for kind, number in sorted(kinds.items())],
        )

    def cases(self, loaded: Loaded, names: Names) -> None:
        """What became of each row of the export."""
        opened = Counter(each.case.unit for each in loaded.opened if each.new)
        rows = [(unit, names[unit], str(number)) for unit, number in sorted(opened.items())]
        self._table("Cases opened, each by its own organ", ("unit", "name", "matters"), rows)
        there = [each for each in loaded.opened if not each.new]
        refused = [(str(each.line), each.number, f"{each.column}: {each.reason}") for each in loaded.refused]
        again = [(str(each.case.line), each.case.number, "the matter is there already") for each in there]
        self._table("Rows that opened nothing", ("line", "case", "why"), refused + again)

    def roads(self, walks: Sequence[Walk]) -> None:
        """How the cases went."""
        taken = Counter((walk.road.title, walk.state) for walk in walks)
        rows = [(road, str(number), state) for (road, state), number in taken.items()]
        self._table("Roads", ("road", "matters", "state now"), rows)

    def timeline(self, title: str, entries: Iterable[Mapping[str, Any]], steps: Names, names: Names) -> None:
        """The history of one matter: who did what when."""
        rows = []
        for entry in entries:
            who = f"{names[entry['unit']]} ({entry['person']})" if entry["unit"] else "the clock"
            did = ", ".join(f"{each['clock']} {each['change']}" for each in entry["clocks"])
            when = _local(entry["acted_at"], seconds=True) + (" (entered late)" if entry["late"] else "")
            what = steps.get(entry["step"], entry["step"])
            rows.append((str(entry["version"]), when, who, what, entry["state"], did))
        self._table(title, ("#", "when", "who", "step", "state", "clocks"), rows)

    def clocks(self, title: str, runs: Iterable[Mapping[str, Any]], names: Names) -> None:
        """The clocks of one matter, with the article each rests on."""
        rows = []
        for run in runs:
            more = [
                f"{'by' if each['added'] else 'to'} {_length(each['length'])}" for each in run["extensions"]
            ]
            length = _length(run["rule"]["length"]) if run["rule"] else "no number"
            cited = [*run["cites"], *(cite for each in run["extensions"] for cite in each["cites"])]
            cites = dict.fromkeys(f"{c['number'] or c['law']} {c['article']} [{c['mark']}]" for c in cited)
            due = _local(run["due_at"]) if run["due_at"] else "-"
            who = names.get(run["unit"] or "", "-")
            rows.append(
                (
                    run["title"],
                    who,
                    run["kind"],
                    f"extended {', '.join(more)}" if more else length,
                    due,
                    run["state"],
                    "; ".join(cites),
                )
            )
        self._table(title, ("clock", "on", "kind", "length", "due", "now", "article [mark]"), rows)

    def chain(self, correlation: str, matters: Mapping[str, str], state: str) -> None:
        """The matters that one cause led to."""
        title = f"A chain, read by one correlation ({correlation}); the suggestion is now {state}"
        self._table(title, ("mechanism", "matter"), list(matters.items()))

    def report(self, report: Report, names: Names) -> None:
        """A child's report from both sides: what the police see, and what the reporter is told by the token."""
        title = f"A report; police and procuratorate were alerted after {report.alert_seconds:.2f} s"
        columns = ("step", f"state at {names[report.police]}", "the reporter is told", "and awaits")
        self._table(title, columns, [(m.step, m.state, m.told, m.awaited) for m in report.moments])
        opened = ", ".join(f"{name}: {value}" for name, value in report.read["fields"].items())
        self.say(f"Read for a purpose, and written down: {report.read['label']} ({opened})")

    def notices(self, title: str, notices: Iterable[Mapping[str, Any]], names: Names) -> None:
        """Who was told of one matter, and in what words."""
        rows = [
            (
                _local(each["time"], seconds=True),
                names[each["unit"]],
                each["title"]["zh"],
                each["title"]["en"],
            )
            for each in sorted(notices, key=lambda each: str(each["time"]))
        ]
        self._table(title, ("when", "who", "通知", "notice"), rows)

    def deliveries(self, delivered: Iterable[str], pulled: Iterable[str], names: Names) -> None:
        """Who was told how much, by webhook or by the feed; the arguments name a unit for each notice."""
        by_webhook, by_feed = Counter(delivered), Counter(pulled)
        ways = ((by_webhook, "webhook, signature checked"), (by_feed, "feed, fetched"))
        rows = [
            (unit, names[unit], way, str(number))
            for count, way in ways
            for unit, number in sorted(count.items())
        ]
        self._table("Notices", ("unit", "name", "way", "notices"), rows)

    def amiss(self, counts: Mapping[str, int]) -> None:
        """What is not as it should be."""
        rows = [(what, str(number or "none")) for what, number in counts.items()]
        self._table("What is amiss", ("what", "how many"), rows)

    def _table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = Table(*columns)
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(Text(f"\n{title}", style="bold"))
        self.console.print(table)


def _local(moment: str, *, seconds: bool = False) -> str:
    local = datetime.fromisoformat(moment).astimezone(SHANGHAI)
    return f"{local:%Y-%m-%d %H:%M:%S}" if seconds else f"{local:%Y-%m-%d %H:%M}"


def _length(length: Mapping[str, Any]) -> str:
    return f"{length['amount']} {length['unit']}"
