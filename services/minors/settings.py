"""What the minors service is told from outside."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.matters.settings import SealedSettings


class Settings(SealedSettings):
    """Variables begin with MINORS_."""

    model_config = SettingsConfigDict(env_prefix="MINORS_")

    port: int = Field(default=8103, ge=0, le=65535)
    worker_port: int = Field(default=8203, ge=0, le=65535)
