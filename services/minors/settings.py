"""What the minors service is told from outside."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.matters.settings import SealedSettings
from shared.settings import KIB, MIB


class Settings(SealedSettings):
    """Variables begin with MINORS_.

    Of vice-principals: the least years of legal work (52号, to be confirmed), and in which year class hours count.
    """

    model_config = SettingsConfigDict(env_prefix="MINORS_")

    port: int = Field(default=8103, ge=0, le=65535)
    worker_port: int = Field(default=8203, ge=0, le=65535)
    vice_principal_years: int = Field(default=3, ge=0, le=20)
    vice_principal_year: Literal["calendar", "school"] = "calendar"
    import_limit: int = Field(default=10 * MIB, ge=KIB)
