"""送达: the service of a paper as a fact with its proof; the step's own date of acting is the day of service."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.mechanism.grammar import Form


class ServiceMethod(StrEnum):
    DIRECT = "direct"  # 直接送达
    ANNOUNCE = "announce"  # 宣告送达
    MAIL = "mail"  # 邮寄送达
    LEAVE = "leave"  # 留置送达
    ENTRUST = "entrust"  # 委托送达
    ELECTRONIC = "electronic"  # 电子送达


class Service(Form):
    """How a paper was served. Refusing to receive it does not stop the clock: it is then left at the address."""

    method: ServiceMethod = Field(examples=["direct"])
    received_by: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="The post of whoever signed, not a name", examples=["收发室"]
    )
    refused_because: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
