"""E-mail to a duty role of a unit: the endpoint is the role, and the directory alone has its addresses."""

from collections.abc import Sequence

from services.notifier.domain.units import ContactChannel, Unit


def endpoint(unit: str, role: str) -> str:
    """The id of a role's mailbox, which outlives whatever address it has; neither part holds a colon."""
    return f"{unit}:{role}"


def role_of(mailbox: str) -> str:
    return mailbox.rpartition(":")[2]


def roles(unit: Unit, wanted: Sequence[str]) -> list[str]:
    """Those of the wanted roles that the unit can be reached in by e-mail."""
    return [role for role in dict.fromkeys(wanted) if addresses(unit, role)]


def addresses(unit: Unit, role: str) -> tuple[str, ...]:
    """Where the role is reached now, each address once."""
    found = (
        each.address
        for each in unit.contact_points
        if each.channel is ContactChannel.EMAIL and each.role == role
    )
    return tuple(dict.fromkeys(found))
