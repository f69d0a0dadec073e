"""Breaking the glass: what the declaration does not give is read all the same, and a second officer answers for it."""

from dataclasses import replace
from datetime import datetime
from uuid import uuid5

from shared.events import Event
from shared.matters.commands import Commands
from shared.matters.keeping import Keeping
from shared.matters.requests import Absent, Actor
from shared.matters.secrecy.grants import OPEN_FOR, Grant
from shared.matters.secrecy.reading import Asked, access_of, check_asked, post_needed, with_basis
from shared.matters.secrecy.sight import Seen, behind, see
from shared.matters.speech import NAMESPACE
from shared.mechanism.catalogue import GLASS_BROKEN
from shared.mechanism.chain import plain
from shared.mechanism.grammar import Mechanism, Secret
from shared.mechanism.permit import Refused
from shared.tracing import current_traceparent
from shared.vault import Vault


class Glass:
    """Grants that a first officer asks for and a second one of the same unit releases, for half an hour."""

    def __init__(self, service: str, commands: Commands, keeping: Keeping, vault: Vault) -> None:
        self._service = service
        self._commands = commands
        self._keeping = keeping
        self._vault = vault

    async def ask(
        self, mechanism: Mechanism, matter_id: str, asked: Asked, reason: str, key: str, actor: Actor
    ) -> Grant:
        """Ask to read; nothing is opened yet. A repeat finds the first. Raises Absent, Refused or Away."""
        seen = await see(self._commands, self._keeping, mechanism, matter_id, actor)
        kept = await behind(self._keeping, seen, asked.label)
        secret, accesses = seen.labels[asked.label], self._keeping.accesses
        wanted = asked.fields or tuple(secret.readers)
        check_asked(secret, wanted, asked.purpose)
        sealed = await self._vault.seal(matter_id, {"reason": reason})
        access = access_of(seen, actor, asked.label, wanted, asked.purpose, kept["age"], None)
        await accesses.append(with_basis(secret, replace(access, outcome="asked")))
        grant = Grant(
            id=str(uuid5(NAMESPACE, f"{matter_id}/{actor.unit}/{actor.person}/{key}")),
            mechanism=mechanism.key,
            matter=matter_id,
            label=asked.label,
            fields=wanted,
            purpose=asked.purpose,
            unit=actor.unit,
            asked_by=actor.person,
            asked_at=accesses.now(),
        )
        return await self._keeping.grants.ask(grant, sealed["reason"])

    async def release(self, mechanism: Mechanism, matter_id: str, grant_id: str, actor: Actor) -> Grant:
        """Answer, as a second officer, for what a first one asked; the owners are told. Raises Absent or Refused."""
        seen = await see(self._commands, self._keeping, mechanism, matter_id, actor)
        grant = await self._keeping.grants.find(grant_id)
        if grant is None or (grant.matter, grant.unit) != (matter_id, actor.unit):
            raise Absent
        kept = await behind(self._keeping, seen, grant.label)
        secret, now = seen.labels[grant.label], self._keeping.accesses.now()
        if secret.released_by not in actor.posts:
            raise post_needed(secret.released_by)
        if grant.asked_by == actor.person:
            raise Refused("second-officer-needed", "who asks does not release")
        if grant.released_by == actor.person:
            return grant
        access = access_of(seen, actor, grant.label, grant.fields, grant.purpose, kept["age"], grant)
        await self._keeping.accesses.append(with_basis(secret, replace(access, outcome="released")))
        broken = self._broken(seen, secret, grant, now)
        released = await self._keeping.grants.release(grant.id, actor.person, now, broken)
        if released is None:
            raise Refused("grant-over", "it was released already, or asked for too long ago")
        return released

    async def of(self, mechanism: Mechanism, matter_id: str, actor: Actor, limit: int) -> list[Grant]:
        """Return what the actor's unit has asked for in a matter, the newest first. Raises Absent."""
        await see(self._commands, self._keeping, mechanism, matter_id, actor)
        return await self._keeping.grants.of(matter_id, actor.unit, limit)

    def _broken(self, seen: Seen, secret: Secret, grant: Grant, now: datetime) -> Event:
        matter, mechanism = seen.matter, seen.mechanism
        owners = (matter.parties[party.key] for party in secret.owners if party.key in matter.parties)
        told = tuple(dict.fromkeys(owners))
        data = {
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
        return Event(
            id=str(uuid5(NAMESPACE, f"{grant.id}/released")),
            source=f"/{self._service}",
            type=f"{self._service}.{mechanism.key}.{GLASS_BROKEN}",
            subject=matter.id,
            time=now,
            data=plain(data),
            version=matter.version,
            correlation=matter.correlation,
            traceparent=current_traceparent(),
            units=told,
        )
