"""What the notifier reads from its environment."""

import base64
import binascii
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.settings import ServiceSettings

_MINUTE, _HOUR = 60.0, 3600.0


class Settings(ServiceSettings):
    """The key that seals webhook secrets has no default; private networks are closed until named."""

    model_config = SettingsConfigDict(
        env_prefix="NOTIFIER_", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    port: int = Field(default=8104, ge=0, le=65535)
    worker_port: int = Field(default=8204, ge=0, le=65535)

    secret_key: bytes = Field(repr=False, description="Base64 of 32 random bytes.")
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    webhook_refused: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()

    webhook_ca_file: str | None = Field(
        default=None, description="Certificates trusted besides the system's."
    )

    # Seconds to wait after the first failure, the second, and so on.
    delivery_schedule: Annotated[tuple[float, ...], NoDecode] = (
        5.0,
        5 * _MINUTE,
        30 * _MINUTE,
        2 * _HOUR,
        5 * _HOUR,
        10 * _HOUR,
        14 * _HOUR,
        20 * _HOUR,
        24 * _HOUR,
    )
    delivery_timeout: float = Field(default=15.0, gt=0, le=60)
    delivery_lease: float = Field(default=45.0, gt=0, le=600)
    delivery_concurrency: int = Field(default=256, ge=1, le=4096)
    webhook_concurrency: int = Field(default=4, ge=1, le=64)

    # Without a host no e-mail is sent.
    smtp_host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    smtp_username: str | None = Field(default=None, repr=False)
    smtp_password: str | None = Field(default=None, repr=False, validate_default=True)
    smtp_ca_file: str | None = Field(default=None, description="Certificates trusted besides the system's.")
    smtp_connections: int = Field(default=8, ge=1, le=256)
    mail_from: str | None = Field(
        default=None,
        max_length=254,
        pattern=r"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$",
        validate_default=True,
    )
    mail_roles: Annotated[tuple[str, ...], NoDecode] = ("duty_desk", "filing_clerk", "liaison")

    import_limit: int = Field(default=8 * 1024 * 1024, ge=1024)

    @field_validator("secret_key", mode="before")
    @classmethod
    def _is_key(cls, value: Any) -> bytes:
        try:
            key = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            key = b""
        if len(key) != 32:
            raise ValueError("base64 of 32 bytes is needed")
        return key

    @field_validator("webhook_networks", "webhook_refused", "delivery_schedule", "mail_roles", mode="before")
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("delivery_lease")
    @classmethod
    def _outlives_the_attempt(cls, value: float, info: ValidationInfo) -> float:
        # A lease that ends while an attempt is under way would let a second worker send the same again.
        if value < info.data.get("delivery_timeout", 0) + 5:
            raise ValueError("delivery_lease must exceed delivery_timeout by 5 seconds")
        return value

    @field_validator("smtp_password")
    @classmethod
    def _is_not_sent_in_the_clear(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("smtp_security") == "none":
            raise ValueError("smtp_password is not sent without TLS")
        if (value is None) != (info.data.get("smtp_username") is None):
            raise ValueError("smtp_username and smtp_password go together")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_needed_for_mail(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("smtp_host") is not None:
            raise ValueError("mail_from is needed to send e-mail")
        return value
