"""What the suggestion service is told from outside."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.matters.settings import MatterSettings


class Settings(MatterSettings):
    """Variables begin with SUGGESTION_."""

    model_config = SettingsConfigDict(env_prefix="SUGGESTION_")

    port: int = Field(default=8102, ge=0, le=65535)
    worker_port: int = Field(default=8202, ge=0, le=65535)
