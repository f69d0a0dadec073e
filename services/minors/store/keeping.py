"""The collections that the minors service has beside those every service with procedures has."""

from services.minors.store.coverage import Coverage
from services.minors.store.imports import Imports
from services.minors.store.register import Register
from shared.matters.keeping import Keeping
from shared.mongo import Mongo
from shared.vault import Vault


class MinorsKeeping(Keeping):
    """Further: the register of vice-principals, its coverage of schools, and imports of older registers."""

    def __init__(self, mongo: Mongo, *, paper_limit: int, vault: Vault | None = None) -> None:
        super().__init__(mongo, paper_limit=paper_limit, vault=vault)
        self.coverage = Coverage(self.database, mongo.clock)
        self.register = Register(self.database, self.matters, self.coverage)
        self.imports = Imports(self.database, mongo.clock, vault)

    async def migrate(self) -> None:
        await super().migrate()
        await self.coverage.ensure_indexes()
        await self.register.ensure_indexes()
        await self.imports.ensure_indexes()
        await self.coverage.rebuild()
        await self.register.rebuild()
