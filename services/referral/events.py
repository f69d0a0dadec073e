"""What the referral service says beside its matters' steps, and what it hears."""

from datetime import datetime
from uuid import uuid4

from shared.events import Event

SOURCE = "/referral"
UNIT_CHANGED = "notifier.unit.changed"
HEARS = (UNIT_CHANGED,)


def directory_asked(at: datetime) -> Event:
    """Ask the notifier to say every unit of the directory again."""
    asked = str(uuid4())
    return Event(
        id=asked,
        source=SOURCE,
        type="referral.directory.asked",
        subject="directory",
        time=at,
        data={},
        version=0,
        correlation=asked,
    )
