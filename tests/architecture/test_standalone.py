"""Each service runs where there is nothing but shared/ and itself."""

import shutil
from pathlib import Path

import httpx
import pytest

from deploy.local.servers import Servers, keys_of
from deploy.local.suite import running_suite

ROOT = Path(__file__).parents[2]
SERVICES = sorted(file.parent.name for file in (ROOT / "services").glob("*/main.py"))


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_starts_alone(
    service: str, servers: Servers, rabbit_urls: list[str], database: str, tmp_path: Path
):
    tree = tmp_path / "tree"
    for part in ("shared", f"services/{service}"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    prefix = f"{database}_"
    async with (
        running_suite(
            tmp_path / "data", servers.mongo_url, rabbit_urls, names=[service], prefix=prefix, root=tree
        ) as suite,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        answer = await client.get(f"{suite.services[service].url}/openapi.json")
        assert answer.json()["openapi"].startswith("3.1")
    await servers.mongo.drop(prefix + service)
    await servers.mongo.drop(keys_of(prefix + service))
