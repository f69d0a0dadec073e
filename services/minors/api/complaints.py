"""The public way of a reporter to the procuratorate: by the token of the report, without an account."""

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from services.minors.commands.complaints import Complaints
from services.minors.mechanisms.mandatory_report import Channel
from services.minors.mechanisms.retaliation_complaint import Told
from shared.http.headers import IdempotencyKey
from shared.http.openapi import PUBLIC
from shared.matters.routes import allowed
from shared.matters.secrecy.following import PublicLimit, Token

_EACH, _ALL = "3/minute", "60/minute"


class ComplaintBody(Told):
    """What was done to whoever reported; the procuratorate alone reads it."""

    token: Token = Field(description="查询码")


def build_router(complaints: Complaints) -> APIRouter:
    """Return `POST /v1/followed/complaints`."""
    router = APIRouter(tags=["followed"])
    limit = PublicLimit(_EACH, _ALL)

    @router.post(
        "/v1/followed/complaints",
        status_code=204,
        name="followed_complain",
        summary="打击报复申诉",
        openapi_extra={PUBLIC: True},
    )
    async def complain(body: ComplaintBody, key: IdempotencyKey, request: Request) -> None:
        """Complain of retaliation to the procuratorate. Neither your unit nor the police learn of it."""
        await limit.hit(request)
        form = body.model_dump(mode="json", exclude={"token"}) | {"channel": Channel.ONLINE.value}
        await allowed(complaints.take_down(body.token, form, key))

    return router
