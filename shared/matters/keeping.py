"""The collections that every service with procedures has."""

from shared.directory import Directory
from shared.events import Event
from shared.feed import Feed
from shared.lease import Lease
from shared.matters.calendars import Calendars
from shared.matters.secrecy.accesses import Accesses
from shared.matters.secrecy.followers import Followers
from shared.matters.secrecy.grants import Grants
from shared.matters.store import Matters
from shared.mongo import Collection, Mongo, guarded
from shared.papers import Papers
from shared.relay import ensure_index
from shared.vault import Vault


class Keeping:
    """Everything such a service keeps, in its own database; of what is secret, with a `vault`, nothing in the clear."""

    def __init__(self, mongo: Mongo, *, paper_limit: int, vault: Vault | None = None) -> None:
        self.database = mongo.database
        self.matters = Matters(self.database["matters"])
        self.directory = Directory(self.database["units"])
        self.papers = Papers(self.database, now=mongo.clock.now, limit=paper_limit, vault=vault)
        self.calendars = Calendars(self.database["calendars"], mongo.clock)
        self.feed = Feed(self.database["said"])
        self.vault = vault
        self.accesses = Accesses(self.database["accesses"], mongo.clock)
        self.grants = Grants(self.database["grants"], mongo.clock)
        self.followers = Followers(self.database["followers"])
        self._requests = self.database["requests"]
        self._leases = self.database["leases"]

    @property
    def speaking(self) -> tuple[Collection, ...]:
        """Return the collections whose documents have an outbox."""
        sealed = () if self.vault is None else (self.grants.collection,)
        return (self.matters.collection, self._requests, *sealed)

    def lease(self, name: str, holder: str, seconds: float) -> Lease:
        return Lease(self._leases, name, holder, seconds)

    async def migrate(self) -> None:
        """Make indexes and the first edition of the calendar; as often as one likes."""
        await self.calendars.migrate()
        await self.matters.ensure_indexes()
        await self.directory.ensure_indexes()
        await self.papers.ensure_indexes()
        await self.feed.ensure_indexes()
        if self.vault is not None:
            await self.vault.ensure_indexes()
            await self.accesses.ensure_indexes()
            await self.grants.ensure_indexes()
        for collection in self.speaking:
            await ensure_index(collection)

    async def ask(self, event: Event) -> None:
        """Put a question to another service into an outbox of its own."""
        async with guarded():
            await self._requests.insert_one(
                {"_id": event.id, "outbox": [event.document()], "send_at": event.time}
            )
