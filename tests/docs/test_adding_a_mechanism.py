"""The worked example of the documentation, run as it stands: on real storage, through the routes derived from it."""

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local.servers import Servers
from shared.http.factory import create_app
from shared.http.health import Readiness
from shared.http.ratelimit import RateLimiter
from shared.identity import Identity
from shared.matters.routes import Parts, build_router
from shared.mechanism.grammar import Mechanism
from shared.mechanism.load import load
from tests.services.referral.desk import PROCURATORATE, desk_on, unit_event
from tests.shared.issuer import AUDIENCE

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-mechanism.md"
FILE = Path(__file__).parents[2] / "services/suggestion/mechanisms/minors_protection_advice.py"
SCHOOL = "LY-JY-017"


@pytest.fixture
def declared(tmp_path: Path) -> Iterator[Mechanism]:
    """Put the page's file into a folder of mechanisms, and load the folder."""
    package = tmp_path / "documented"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (source,) = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert source == FILE.read_text(encoding="utf-8")
    (package / "minors_protection_advice.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        (mechanism,) = load("documented", [str(package)]).values()
        yield mechanism
    finally:
        sys.path.remove(str(tmp_path))


async def test_the_documented_mechanism_works_as_it_stands(servers: Servers, declared: Mechanism) -> None:
    async with servers.database() as database, desk_on(servers.mongo_url, database) as desk:
        await desk.store.directory.hear(unit_event(SCHOOL, "school", "410329"))
        identity = Identity(
            jwks_url=desk.issuer.jwks_url,
            issuer=desk.issuer.url,
            audience=AUDIENCE,
            limiter=RateLimiter("1000/minute"),
        )
        parts = Parts(
            desk.commands,
            desk.store.matters,
            identity,
            desk.mongo.clock,
            desk.store.papers,
            desk.store.calendars,
            desk.terms,
        )
        app = create_app(
            title="Documented",
            description="",
            version="1",
            routers=[build_router(declared, parts)],
            readiness=Readiness({}),
            body_limit=64 * 1024,
        )
        letter, reply = await desk.paper(PROCURATORATE), await desk.paper(SCHOOL)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://documented") as client:
            desk.client = client
            month_ago = (desk.now() - timedelta(days=45)).isoformat()
            body = {
                "acted_at": month_ago,
                "form": {"number": "洛检建〔2026〕8号", "problem": "未落实入职查询制度。"},
                "papers": {"letter": [letter]},
                "parties": {"advised": SCHOOL},
            }
            opened = await desk.post(PROCURATORATE, "/v1/minors-protection-advice", body)
            assert opened.status_code == 201, opened.text
            path = opened.headers["Location"]
            (clock,) = (await desk.get(SCHOOL, f"{path}/clocks")).json()
            assert (clock["state"], clock["rule"]["length"]) == ("overdue", {"amount": 1, "unit": "months"})
            assert clock["cites"][0]["article"] == "114"
            urged = await desk.post(PROCURATORATE, f"{path}/steps/urge", {})
            assert urged.status_code == 200, urged.text
            offered = (await desk.get(SCHOOL, path)).json()["next"]
            assert [step["step"] for step in offered] == ["answer"]
            answer = {"form": {"measures": "已完成查询。"}, "papers": {"reply": [reply]}}
            assert (await desk.post(SCHOOL, f"{path}/steps/answer", answer)).status_code == 200
            assert (await desk.post(PROCURATORATE, f"{path}/steps/close", {})).status_code == 200
            assert (await desk.get(SCHOOL, path)).json()["state"]["key"] == "closed"
