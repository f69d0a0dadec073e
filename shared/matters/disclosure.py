"""Reading what is sealed: for a purpose, by the parties of the very matter, and written down before it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid5

from shared.divisions import ancestors
from shared.events import Event
from shared.matters.accesses import Access, Outcome
from shared.matters.commands import Commands
from shared.matters.grants import OPEN_FOR, Grant
from shared.matters.keeping import Keeping
from shared.matters.requests import Absent, Actor
from shared.matters.sealing import UNDER_14, Sealing
from shared.matters.speech import NAMESPACE
from shared.matters.store import oversees
from shared.mechanism.catalogue import GLASS_BROKEN
from shared.mechanism.chain import plain
from shared.mechanism.grammar import Mechanism, Secret
from shared.mechanism.matter import Matter
from shared.mechanism.permit import Refused
from shared.mechanism.sight import shown
from shared.mongo import Document
from shared.papers import Paper
from shared.tracing import current_traceparent
from shared.vault import Destroyed, Vault

_CONTENT: Final = "content"
_HITS: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to read behind a label, and for what; `fields`: None for all that it may."""

    label: str
    purpose: str
    fields: tuple[str, ...] | None = None
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What was opened: the fields of a secret by their names, under its label."""

    label: str
    secret: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A matter as its reader sees it, and as which party."""

    matter: Matter
    party: str | None
    labels: frozenset[str]


class Disclosures:
    """Opens secrets to the parties that the declaration names, and to those for whom the glass was broken."""

    def __init__(
        self,
        service: str,
        commands: Commands,
        keeping: Keeping,
        vault: Vault,
    ) -> None:
        self._service = service
        self._commands = commands
        self._matters = keeping.matters
        self._papers = keeping.papers
        self._accesses = keeping.accesses
        self._grants = keeping.grants
        self._vault = vault
        self._sealing = Sealing(vault)

    async def read(self, mechanism: Mechanism, matter_id: str, asked: Asked, actor: Actor) -> Disclosed:
        """Return the fields asked for, as far as they were given. Raises Absent, Refused, Destroyed or Away."""
        seen = await self._seen(mechanism, matter_id, actor)
        kept = await self._behind(seen, asked.label)
        secret = mechanism.secret_by_key[kept["secret"]]
        grant = await self._granted(asked, actor) if asked.grant is not None else None
        readable = _readable(secret, seen, actor) | set(grant.fields if grant else ())
        wanted = asked.fields or tuple(name for name in secret.readers if name in readable)
        refused = _against(secret, kept["age"], wanted, readable, actor, grant)
        access = self._access(mechanism, seen, actor, asked.label, wanted, asked.purpose, kept["age"], grant)
        if refused is not None:
            await self._log(secret, access, "refused")
            raise refused
        sealed = {name: kept["fields"][name] for name in wanted if name in kept["fields"]}
        opened = await self._vault.open(seen.matter.id, sealed)
        await self._log(secret, access, "granted")
        return Disclosed(asked.label, secret.key, opened)

    async def read_paper(
        self, mechanism: Mechanism, matter_id: str, paper_id: str, purpose: str, actor: Actor
    ) -> Paper:
        """Return a paper of the matter that may be read now. Raises Absent or Refused."""
        seen = await self._seen(mechanism, matter_id, actor)
        used = {ref.id for entry in seen.matter.history for refs in entry.papers.values() for ref in refs}
        paper = await self._papers.get(paper_id) if paper_id in used else None
        if paper is None:
            raise Absent
        secret = next(
            (each for each in mechanism.secrets if seen.party in {p.key for p in each.papers}), None
        )
        # What a paper holds is not known here, so it is guarded like what is of a child of unknown age.
        guards = {each.guarded_by for each in mechanism.secrets if each.guarded_by is not None}
        access = self._access(mechanism, seen, actor, paper_id, (_CONTENT,), purpose, UNDER_14, None)
        if secret is None or not guards <= actor.posts:
            await self._log(secret or mechanism.secrets[0], access, "refused")
            if secret is None:
                raise _not_granted((_CONTENT,))
            raise _post(next(iter(guards - actor.posts)))
        await self._log(secret, access, "granted")
        return paper

    async def look_up(
        self, mechanism: Mechanism, secret: Secret, value: str, purpose: str, actor: Actor
    ) -> Sequence[Document]:
        """Return those matters with this value in which the reader may read it, the newest first; 50 at most."""
        reader = await self._commands.reader(actor.unit)
        hashed = self._sealing.found(mechanism, secret, value)
        mine = secret.readers[secret.found_by or ""]
        found = [
            document
            for document in await self._matters.found_by(mechanism, hashed, reader, _HITS)
            if any(document["parties"].get(party.key) == actor.unit for party in mine)
        ]
        access = Access(
            at=self._accesses.now(),
            unit=actor.unit,
            person=actor.person,
            party=None,
            mechanism=mechanism.key,
            matter=None,
            divisions=(reader.division, *ancestors(reader.division)),
            subject=secret.key,
            fields=(secret.found_by or "",),
            age=None,
            purpose=purpose,
            basis=None,
            outcome="granted",
            hits=len(found),
        )
        if secret.guarded_by is not None and secret.guarded_by not in actor.posts:
            await self._log(secret, replace(access, hits=None), "refused")
            raise _post(secret.guarded_by)
        await self._log(secret, access, "granted")
        return found

    async def ask(
        self, mechanism: Mechanism, matter_id: str, asked: Asked, reason: str, key: str, actor: Actor
    ) -> Grant:
        """Ask to read what the declaration does not give; nothing is opened yet. Raises Absent or Refused."""
        seen = await self._seen(mechanism, matter_id, actor)
        kept = await self._behind(seen, asked.label)
        secret = mechanism.secret_by_key[kept["secret"]]
        wanted = asked.fields or tuple(secret.readers)
        _check_fields(secret, wanted)
        sealed = await self._vault.seal(matter_id, {"reason": reason})
        access = self._access(mechanism, seen, actor, asked.label, wanted, asked.purpose, kept["age"], None)
        await self._log(secret, access, "asked")
        grant = Grant(
            id=str(uuid5(NAMESPACE, f"{matter_id}/{actor.unit}/{actor.person}/{key}")),
            mechanism=mechanism.key,
            matter=matter_id,
            label=asked.label,
            fields=wanted,
            unit=actor.unit,
            asked_by=actor.person,
            asked_at=self._accesses.now(),
        )
        return await self._grants.ask(grant, sealed["reason"])

    async def release(self, mechanism: Mechanism, matter_id: str, grant_id: str, actor: Actor) -> Grant:
        """Answer, as a second officer of the same unit, for what a first one asked; the owners are told."""
        seen = await self._seen(mechanism, matter_id, actor)
        grant = await self._grants.find(grant_id)
        if grant is None or (grant.matter, grant.unit) != (matter_id, actor.unit):
            raise Absent
        kept = await self._behind(seen, grant.label)
        secret = mechanism.secret_by_key[kept["secret"]]
        if secret.released_by not in actor.posts:
            raise _post(secret.released_by)
        if grant.asked_by == actor.person:
            raise Refused("second-officer-needed", "who asks does not release")
        if grant.released_by == actor.person:
            return grant
        now = self._accesses.now()
        access = self._access(
            mechanism, seen, actor, grant.label, grant.fields, "release", kept["age"], grant
        )
        await self._log(secret, access, "released")
        released = await self._grants.release(
            grant.id, actor.person, now, self._broken(mechanism, seen.matter, secret, grant, now)
        )
        if released is None:
            raise Refused("grant-over", "it was released already, or asked for too long ago")
        return released

    async def grants(self, mechanism: Mechanism, matter_id: str, actor: Actor, limit: int) -> list[Grant]:
        """Return what the caller's unit has asked for in a matter, the newest first."""
        await self._seen(mechanism, matter_id, actor)
        return await self._grants.of(matter_id, actor.unit, limit)

    async def _seen(self, mechanism: Mechanism, matter_id: str, actor: Actor) -> _Seen:
        reader = await self._commands.reader(actor.unit)
        matter = await self._matters.find(mechanism, matter_id, reader)
        if matter is None:
            raise Absent
        visible = matter if oversees(mechanism, reader) else shown(mechanism, matter, reader.unit)
        labels = {
            entry.form[secret.key]["label"]
            for entry in visible.history
            for secret in mechanism.secrets
            if entry.form.get(secret.key)
        }
        party = next((key for key, unit in matter.parties.items() if unit == actor.unit), None)
        return _Seen(replace(matter, history=visible.history), party, frozenset(labels))

    async def _behind(self, seen: _Seen, label: str) -> Document:
        if label not in seen.labels:
            raise Absent
        kept = await self._matters.sealed(seen.matter.id, label)
        if kept is None:
            raise Destroyed
        return kept

    async def _granted(self, asked: Asked, actor: Actor) -> Grant:
        grant = await self._grants.find(asked.grant or "")
        if grant is None or grant.unit != actor.unit:
            raise Refused("grant-unknown", "there is no such grant", fields=["grant"])
        if not grant.opens(asked.label, actor.unit, actor.person, self._accesses.now()):
            raise Refused("grant-closed", "it is another's, not released, or over", fields=["grant"])
        return grant

    def _access(
        self,
        mechanism: Mechanism,
        seen: _Seen,
        actor: Actor,
        subject: str,
        fields: Sequence[str],
        purpose: str,
        age: str | None,
        grant: Grant | None,
    ) -> Access:
        return Access(
            at=self._accesses.now(),
            unit=actor.unit,
            person=actor.person,
            party=seen.party,
            mechanism=mechanism.key,
            matter=seen.matter.id,
            divisions=seen.matter.divisions,
            subject=subject,
            fields=tuple(fields),
            age=age,
            purpose=purpose,
            basis=None,
            outcome="granted",
            grant=grant.id if grant else None,
            released_by=grant.released_by if grant else None,
        )

    async def _log(self, secret: Secret, access: Access, outcome: Outcome) -> None:
        basis = next((each.basis for each in secret.purposes if each.key == access.purpose), None)
        await self._accesses.append(replace(access, outcome=outcome, basis=basis))

    def _broken(
        self, mechanism: Mechanism, matter: Matter, secret: Secret, grant: Grant, now: datetime
    ) -> Event:
        owners = [matter.parties[party.key] for party in secret.owners if party.key in matter.parties]
        told = tuple(dict.fromkeys(owners))
        return Event(
            id=str(uuid5(NAMESPACE, f"{grant.id}/released")),
            source=f"/{self._service}",
            type=f"{self._service}.{mechanism.key}.{GLASS_BROKEN}",
            subject=matter.id,
            time=now,
            data=plain(
                {
                    "mechanism": mechanism.key,
                    "edition": mechanism.edition,
                    "state": matter.state,
                    "division": matter.division,
                    "secret": secret.key,
                    "grant": grant.id,
                    "unit": grant.unit,
                    "until": now + OPEN_FOR,
                    "tell": told,
                }
            ),
            version=matter.version,
            correlation=matter.correlation,
            traceparent=current_traceparent(),
            units=told,
        )


def _readable(secret: Secret, seen: _Seen, actor: Actor) -> set[str]:
    """Return the fields that the declaration gives to this unit in this matter."""
    parties = seen.matter.parties
    return {
        name
        for name, readers in secret.readers.items()
        if any(parties.get(party.recorded_by or party.key) == actor.unit for party in readers)
    }


def _against(
    secret: Secret,
    age: str | None,
    wanted: Sequence[str],
    readable: set[str],
    actor: Actor,
    grant: Grant | None,
) -> Refused | None:
    """Return why these fields are not read, if they are not."""
    _check_fields(secret, wanted)
    beyond = [name for name in wanted if name not in readable]
    if beyond or not wanted:
        return _not_granted(beyond)
    guard = secret.guarded_by
    if guard is not None and age == UNDER_14 and guard not in actor.posts and grant is None:
        return _post(guard)
    return None


def _check_fields(secret: Secret, wanted: Sequence[str]) -> None:
    unknown = [f"fields.{place}" for place, name in enumerate(wanted) if name not in secret.readers]
    if unknown:
        raise Refused("field-unknown", f"{secret.key} has no such field", fields=unknown)


def _not_granted(fields: Sequence[str]) -> Refused:
    return Refused("not-granted", "in this matter your unit does not read this", fields=list(fields))


def _post(post: str) -> Refused:
    return Refused("post-required", f"this is read by the {post} only")
