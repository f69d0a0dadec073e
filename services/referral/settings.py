"""What the referral service is told from outside."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.matters.settings import MatterSettings


class Settings(MatterSettings):
    """Variables begin with REFERRAL_."""

    model_config = SettingsConfigDict(env_prefix="REFERRAL_")

    port: int = Field(default=8101, ge=0, le=65535)
    worker_port: int = Field(default=8201, ge=0, le=65535)
