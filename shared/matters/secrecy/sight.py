"""A matter with secrets as one unit sees it: which labels it knows of, and which fields behind them it may read."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.matters.commands import Commands
from shared.matters.keeping import Keeping
from shared.matters.requests import Absent, Actor
from shared.matters.store import oversees
from shared.mechanism.grammar import Mechanism, Party, Secret
from shared.mechanism.matter import Matter
from shared.mechanism.sight import shown
from shared.mongo import Document
from shared.vault import Destroyed


@dataclass(frozen=True, slots=True)
class Seen:
    """The matter, what the unit is shown of it, as which party, and the secrets it knows of by their labels."""

    mechanism: Mechanism
    matter: Matter
    shown: Matter
    unit: str
    labels: dict[str, Secret]

    @property
    def party(self) -> str | None:
        return next((key for key, unit in self.matter.parties.items() if unit == self.unit), None)

    @property
    def papers(self) -> frozenset[str]:
        """Return the papers of the entries that the unit is shown."""
        return frozenset(
            ref.id for entry in self.shown.history for refs in entry.papers.values() for ref in refs
        )

    def readable(self, secret: Secret) -> tuple[str, ...]:
        """Return the fields that the declaration gives to this unit in this matter."""
        return tuple(name for name, readers in secret.readers.items() if self.is_one_of(readers))

    def is_one_of(self, parties: Iterable[Party]) -> bool:
        """Return whether the unit is one of these parties in this matter."""
        bound = self.matter.parties
        return any(bound.get(party.recorded_by or party.key) == self.unit for party in parties)


async def see(
    commands: Commands, keeping: Keeping, mechanism: Mechanism, matter_id: str, actor: Actor
) -> Seen:
    """Return the matter as the actor's unit sees it. Raises Absent, or Refused for an unknown unit."""
    reader = await commands.reader(actor.unit)
    matter = await keeping.matters.find(mechanism, matter_id, reader)
    if matter is None:
        raise Absent
    visible = matter if oversees(mechanism, reader) else shown(mechanism, matter, reader.unit)
    seen = Seen(mechanism, matter, visible, actor.unit, {})
    # A label is known from an entry that the unit is shown, or because something behind it is the unit's to read.
    known = {label: secret for label, secret in labels(mechanism, matter) if seen.readable(secret)}
    return Seen(mechanism, matter, visible, actor.unit, dict(labels(mechanism, visible)) | known)


async def behind(keeping: Keeping, seen: Seen, label: str) -> Document:
    """Return what stands behind a label that the unit knows of. Raises Absent or Destroyed."""
    if label not in seen.labels:
        raise Absent
    kept = await keeping.matters.sealed(seen.matter.id, label)
    if kept is None:
        raise Destroyed
    return kept


def labels(mechanism: Mechanism, matter: Matter) -> Iterable[tuple[str, Secret]]:
    """Give the labels in the history of a matter, each with its secret."""
    for entry in matter.history:
        for secret in mechanism.secrets:
            if entry.form.get(secret.key):
                yield entry.form[secret.key]["label"], secret
