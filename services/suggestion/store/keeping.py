"""The collections that the suggestion service has beside those every service with procedures has."""

from services.suggestion.store.assessments import Assessments
from services.suggestion.store.figures import Figures
from shared.matters.keeping import Keeping
from shared.mongo import Mongo
from shared.vault import Vault


class SuggestionKeeping(Keeping):
    """Further: the counters of the figures, and the yearly assessments."""

    def __init__(self, mongo: Mongo, *, paper_limit: int, vault: Vault | None = None) -> None:
        super().__init__(mongo, paper_limit=paper_limit, vault=vault)
        self.figures = Figures(self.database, self.matters)
        self.assessments = Assessments(self.database, self.matters, mongo.clock)

    async def migrate(self) -> None:
        await super().migrate()
        await self.figures.ensure_indexes()
        await self.figures.rebuild()
        await self.assessments.ensure_indexes()
