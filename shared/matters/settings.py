"""What a service with procedures is told from outside."""

import base64
import binascii
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from shared.clocks.counting import Length, Unit
from shared.settings import ServiceSettings
from shared.vault import Provider, kmip_provider, local_provider

_HASH_KEY_BYTES = 32
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


class SealedSettings(MatterSettings):
    """Further, for a service that keeps secrets: the database of the data keys, and who wraps them.

    `key_name`: of the keys of the provider the one used now. `hash_key`: Base64 of 32 random bytes, without which no
    sealed value can be found; it is never changed.
    """

    key_database: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    key_provider: Literal["kmip", "local"]
    key_name: str = Field(min_length=1, max_length=200)
    hash_key: bytes = Field(repr=False)
    local_keys: Path | None = Field(default=None, validate_default=True)
    kmip_endpoint: str | None = Field(default=None, validate_default=True)
    kmip_ca_file: str | None = Field(default=None, validate_default=True)
    kmip_certificate_file: str | None = Field(default=None, validate_default=True)

    @field_validator("hash_key", mode="before")
    @classmethod
    def _decoded(cls, value: Any) -> Any:
        try:
            key = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            key = b""
        if len(key) != _HASH_KEY_BYTES:
            raise ValueError("Base64 of 32 bytes is needed")
        return key

    @field_validator("local_keys", "kmip_endpoint", "kmip_ca_file", "kmip_certificate_file")
    @classmethod
    def _is_given(cls, value: Any, info: ValidationInfo) -> Any:
        provider = info.data.get("key_provider")
        if value is None and provider is not None and (info.field_name or "").startswith(provider):
            raise ValueError("the provider of keys needs it")
        return value

    def provider(self) -> Provider:
        """Return the provider of master keys."""
        if self.local_keys is not None and self.key_provider == "local":
            return local_provider(self.key_name, self.local_keys)
        if not (self.kmip_endpoint and self.kmip_ca_file and self.kmip_certificate_file):
            raise LookupError("no provider of keys is configured")
        return kmip_provider(
            self.key_name,
            endpoint=self.kmip_endpoint,
            ca_file=self.kmip_ca_file,
            certificate_file=self.kmip_certificate_file,
        )
