"""Which duty roles notices were sent to by e-mail; their addresses stand in the directory alone."""

from collections.abc import Sequence

from pymongo import UpdateOne

from shared.mongo import Collection, guarded


class Mailboxes:
    """One document per role of a unit, by its endpoint's id. All methods raise Unavailable."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def note(self, mailboxes: Sequence[str]) -> None:
        """Keep them among those looked after; to be called before anything is on its way to them."""
        async with guarded():
            chosen = {"_id": {"$in": list(mailboxes)}}
            known = {document["_id"] for document in await self._collection.find(chosen).to_list(None)}
            if fresh := [
                UpdateOne({"_id": each}, {"$set": {}}, upsert=True) for each in mailboxes if each not in known
            ]:
                await self._collection.bulk_write(fresh, ordered=False)

    async def every(self) -> list[str]:
        """Each one there ever was: to one that was given up something may still be on its way."""
        async with guarded():
            return [document["_id"] for document in await self._collection.find({}).to_list(None)]
