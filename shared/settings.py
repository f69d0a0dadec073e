"""Typed values from the environment; what is missing or wrong is named all at once, and never quoted."""

from typing import Annotated, Any, Final, Self

import limits
from pydantic import AnyHttpUrl, Field, TypeAdapter, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

KIB: Final = 1024
MIB: Final = 1024 * KIB

_HTTP_URL = TypeAdapter(AnyHttpUrl)


class SettingsError(Exception):
    """The environment does not say what the service needs; the text has one line for each bad variable."""


class ServiceSettings(BaseSettings):
    """What every service reads; a service adds its own fields and its prefix.

    Addresses and the database's name have no default, since they carry secrets or say whose data is touched.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    mongo_url: str = Field(min_length=1, repr=False)
    mongo_database: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    rabbit_urls: Annotated[tuple[str, ...], NoDecode] = Field(min_length=1, repr=False)

    jwks_url: str
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)

    host: str = "127.0.0.1"
    port: int = Field(default=8100, ge=0, le=65535)
    worker_port: int = Field(default=8200, ge=0, le=65535)

    trace_endpoint: str | None = None
    trace_file: str | None = None
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")

    rate_limit: str = "1000/minute"
    body_limit: int = Field(default=MIB, ge=KIB, le=16 * MIB)
    paper_limit: int = Field(default=50 * MIB, ge=KIB)

    @field_validator("rabbit_urls", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("jwks_url", "trace_endpoint")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None:
            _HTTP_URL.validate_python(value)
        return value

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        limits.parse(value)
        return value

    @classmethod
    def load(cls) -> Self:
        """Read the environment; SettingsError names every variable that is missing or wrong."""
        try:
            return cls()
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix", "")
            lines = sorted(
                {
                    f"{prefix}{fault['loc'][0]}".upper()
                    + (": missing" if fault["type"] == "missing" else ": not valid")
                    for fault in error.errors(include_input=False, include_context=False)
                }
            )
            raise SettingsError("\n".join(lines)) from None
