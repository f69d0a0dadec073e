"""Reading what is sealed: for a purpose, by the parties of the very matter, and written down before it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.divisions import ancestors
from shared.matters.commands import Commands
from shared.matters.keeping import Keeping
from shared.matters.requests import Absent, Actor
from shared.matters.secrecy.accesses import Access, Outcome
from shared.matters.secrecy.grants import Grant
from shared.matters.secrecy.sealing import UNDER_14, Sealing
from shared.matters.secrecy.sight import Seen, behind, see
from shared.mechanism.grammar import Mechanism, Secret
from shared.mechanism.permit import Refused
from shared.mongo import Document
from shared.papers import Paper
from shared.vault import Vault

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
class Opened:
    """The fields of a secret by their names, under its label."""

    label: str
    secret: str
    fields: Mapping[str, Any]


class Reading:
    """Opens secrets to the parties that the declaration names, and to those for whom the glass was broken."""

    def __init__(self, commands: Commands, keeping: Keeping, vault: Vault) -> None:
        self._commands = commands
        self._keeping = keeping
        self._vault = vault
        self._sealing = Sealing(vault)

    async def secrets(self, mechanism: Mechanism, matter_id: str, actor: Actor) -> Seen:
        """Return the matter with the labels that the unit knows of. Raises Absent."""
        return await see(self._commands, self._keeping, mechanism, matter_id, actor)

    async def read(self, mechanism: Mechanism, matter_id: str, asked: Asked, actor: Actor) -> Opened:
        """Return the fields asked for, as far as they were given. Raises Absent, Refused, Destroyed or Away."""
        seen = await see(self._commands, self._keeping, mechanism, matter_id, actor)
        kept = await behind(self._keeping, seen, asked.label)
        secret = seen.labels[asked.label]
        grant = await self._granted(asked, actor) if asked.grant is not None else None
        readable = {*seen.readable(secret), *(grant.fields if grant else ())}
        wanted = asked.fields or tuple(name for name in secret.readers if name in readable)
        check_asked(secret, wanted, asked.purpose)
        access = access_of(seen, actor, asked.label, wanted, asked.purpose, kept["age"], grant)
        refused = _against(secret, kept["age"], wanted, readable, actor, grant)
        if refused is not None:
            await self._log(secret, access, "refused")
            raise refused
        sealed = {name: kept["fields"][name] for name in wanted if name in kept["fields"]}
        opened = await self._vault.open(seen.matter.id, sealed)
        await self._log(secret, access, "granted")
        return Opened(asked.label, secret.key, opened)

    async def read_paper(
        self, mechanism: Mechanism, matter_id: str, paper_id: str, purpose: str, actor: Actor
    ) -> Paper:
        """Return a paper of the matter that may be read now. Raises Absent or Refused."""
        seen = await see(self._commands, self._keeping, mechanism, matter_id, actor)
        paper = await self._keeping.papers.get(paper_id) if paper_id in seen.papers else None
        if paper is None:
            raise Absent
        mine = next((each for each in mechanism.secrets if seen.is_one_of(each.papers)), None)
        # What a paper holds is not known here, so it is guarded like what is of a child of unknown age.
        guards = {each.guarded_by for each in mechanism.secrets if each.guarded_by is not None}
        missing = sorted(guards - actor.posts)
        access = access_of(seen, actor, paper_id, (_CONTENT,), purpose, UNDER_14 if guards else None, None)
        if mine is None or missing:
            await self._log(mine or mechanism.secrets[0], access, "refused")
            raise post_needed(missing[0]) if mine is not None else _not_granted((_CONTENT,))
        await self._log(mine, access, "granted")
        return paper

    async def look_up(
        self, mechanism: Mechanism, secret: Secret, value: str, purpose: str, actor: Actor
    ) -> Sequence[Document]:
        """Return those matters with this value in which the unit may read it, the newest first; 50 at most."""
        reader = await self._commands.reader(actor.unit)
        field = secret.found_by or ""
        access = Access(
            unit=actor.unit,
            person=actor.person,
            party=None,
            mechanism=mechanism.key,
            matter=None,
            divisions=(reader.division, *ancestors(reader.division)),
            subject=secret.key,
            fields=(field,),
            age=None,
            purpose=purpose,
            basis=None,
        )
        if secret.guarded_by is not None and secret.guarded_by not in actor.posts:
            await self._log(secret, access, "refused")
            raise post_needed(secret.guarded_by)
        hashed = self._sealing.found(mechanism, secret, value)
        found = [
            document
            for document in await self._keeping.matters.found_by(mechanism, hashed, reader, _HITS)
            if any(document["parties"].get(party.key) == actor.unit for party in secret.readers[field])
        ]
        await self._log(secret, replace(access, hits=len(found)), "granted")
        return found

    async def _granted(self, asked: Asked, actor: Actor) -> Grant:
        grant = await self._keeping.grants.find(asked.grant or "")
        if grant is None or grant.unit != actor.unit:
            raise Refused("grant-unknown", "there is no such grant", fields=["grant"])
        if not grant.opens(asked.label, actor.unit, actor.person, self._keeping.accesses.now()):
            raise Refused("grant-closed", "it is another's, not released, or over", fields=["grant"])
        return grant

    async def _log(self, secret: Secret, access: Access, outcome: Outcome) -> None:
        await self._keeping.accesses.append(with_basis(secret, replace(access, outcome=outcome)))


def access_of(
    seen: Seen,
    actor: Actor,
    subject: str,
    fields: Sequence[str],
    purpose: str,
    age: str | None,
    grant: Grant | None,
) -> Access:
    """Return what is written down of an access to a matter."""
    return Access(
        unit=actor.unit,
        person=actor.person,
        party=seen.party,
        mechanism=seen.mechanism.key,
        matter=seen.matter.id,
        divisions=seen.matter.divisions,
        subject=subject,
        fields=tuple(fields),
        age=age,
        purpose=purpose,
        basis=None,
        grant=grant.id if grant else None,
        released_by=grant.released_by if grant else None,
    )


def with_basis(secret: Secret, access: Access) -> Access:
    """Return the access with the legal basis of its purpose."""
    basis = next((each.basis for each in secret.purposes if each.key == access.purpose), None)
    return replace(access, basis=basis)


def check_asked(secret: Secret, wanted: Sequence[str], purpose: str) -> None:
    """Raise `Refused` for a field that the secret does not have, or a purpose it is not read for."""
    if purpose not in {each.key for each in secret.purposes}:
        raise Refused("purpose-unknown", f"{secret.key} is not read for this", fields=["purpose"])
    unknown = [f"fields.{place}" for place, name in enumerate(wanted) if name not in secret.readers]
    if unknown:
        raise Refused("field-unknown", f"{secret.key} has no such field", fields=unknown)


def post_needed(post: str) -> Refused:
    return Refused("post-required", f"this is read by the {post} only")


def _against(
    secret: Secret,
    age: str | None,
    wanted: Sequence[str],
    readable: set[str],
    actor: Actor,
    grant: Grant | None,
) -> Refused | None:
    """Return why these fields are not read, if they are not."""
    beyond = [name for name in wanted if name not in readable]
    if beyond or not wanted:
        return _not_granted(beyond)
    guard = secret.guarded_by
    if guard is not None and age == UNDER_14 and guard not in actor.posts and grant is None:
        return post_needed(guard)
    return None


def _not_granted(fields: Sequence[str]) -> Refused:
    return Refused("not-granted", "in this matter your unit does not read this", fields=list(fields))
