"""The collections of the notifier; nothing else in this service touches the database."""

from services.notifier.store.mailboxes import Mailboxes
from services.notifier.store.notices import Notices
from services.notifier.store.units import Units
from services.notifier.store.webhooks import Webhooks
from shared.feed import Feed
from shared.lease import Lease
from shared.mongo import Collection, Mongo
from shared.relay import ensure_index


class Store:
    """Everything the notifier keeps, in its own database, and the server's clock."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database
        self.clock = mongo.clock
        self.units = Units(database["units"])
        self.webhooks = Webhooks(database["webhooks"])
        self.mailboxes = Mailboxes(database["mailboxes"])
        self.notices = Notices(database["notices"])
        self.said = Feed(database["said"])  # what the notifier said to other services
        self.told = Feed(database["told"])  # what units were told, numbered for those who fetch it
        self._leases = database["leases"]

    @property
    def speaking(self) -> tuple[Collection, ...]:
        """The collections whose documents have an outbox."""
        return (self.units.collection,)

    def lease(self, name: str, holder: str, seconds: float) -> Lease:
        return Lease(self._leases, name, holder, seconds)

    async def ensure_indexes(self) -> None:
        """Make every index; a step of the migration. Raises Unavailable."""
        for part in (self.units, self.webhooks, self.notices, self.said, self.told):
            await part.ensure_indexes()
        for collection in self.speaking:
            await ensure_index(collection)
