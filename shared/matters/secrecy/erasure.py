"""What a step that erases brings about: the keys of the matter and of its papers are destroyed."""

from shared.events import Event
from shared.matters.keeping import Keeping


class Erasure:
    """Carries out what was recorded. The step has removed the values; without the keys no backup gives them back."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def hear(self, event: Event) -> None:
        """Destroy the keys of the matter that an erasing step was taken in; a repeat finds nothing to do."""
        matter = await self._keeping.matters.find_own(event.subject)
        if matter is None or self._keeping.vault is None:
            raise LookupError(f"there is no matter {event.subject} whose secrets could be erased")
        papers = {ref.id for entry in matter.history for refs in entry.papers.values() for ref in refs}
        await self._keeping.vault.destroy([matter.id, *sorted(papers)])
