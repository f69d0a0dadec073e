"""By which token which matter is followed; the token itself is kept nowhere."""

from dataclasses import dataclass

from shared.mongo import Collection, guarded


@dataclass(frozen=True, slots=True)
class Followed:
    """The matter behind a token, and its declaration."""

    matter: str
    mechanism: str
    edition: str


class Followers:
    """Matters by the keyed hash of a token."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def add(self, hashed: str, followed: Followed) -> None:
        """Let a token stand for a matter; as often as one likes."""
        document = {
            "matter": followed.matter,
            "mechanism": followed.mechanism,
            "edition": followed.edition,
        }
        async with guarded():
            await self._collection.update_one({"_id": hashed}, {"$set": document}, upsert=True)

    async def find(self, hashed: str) -> Followed | None:
        async with guarded():
            found = await self._collection.find_one({"_id": hashed})
        return Followed(found["matter"], found["mechanism"], found["edition"]) if found else None
