"""What a service with procedures is told from outside."""

import re
from typing import Literal

from pydantic import Field, field_validator

from shared.clocks.counting import Length, Unit
from shared.settings import ServiceSettings

_LENGTH = re.compile(r"([1-9][0-9]{0,3}) (minutes|hours|days|workdays|months)")


class MatterSettings(ServiceSettings):
    """`lengths`: local time limits where the law sets no number, e.g. {"forward_transfer.receipt": "4 hours"}.

    `count_backward`: how "three days before" is read where the law does not say.
    """

    lengths: dict[str, str] = Field(default_factory=dict)
    count_backward: Literal["safe", "common"] = "safe"

    @field_validator("lengths")
    @classmethod
    def _are_lengths(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(map(_LENGTH.fullmatch, value.values())):
            raise ValueError('a length is a number and a unit, like "24 hours"')
        return value

    def local_lengths(self) -> dict[str, Length]:
        """Return the local time limits by the name of their setting."""
        pairs = ((name, text.split()) for name, text in self.lengths.items())
        return {name: Length(int(amount), Unit(unit)) for name, (amount, unit) in pairs}
