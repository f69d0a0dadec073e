"""Each served OpenAPI says what the service does: schemathesis calls every operation and compares."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.minors.domain.sheet import XLSX
from tests.journeys.city import ORGAN, OTHER_POLICE, POLICE, PROCURATORATE, City, new_key
from tests.journeys.test_transfer import TO_DELIVERY, TO_FILING, TO_SUPERVISION

CASES = 2000
SECONDS = 300  # at most; a quiet machine with two cores needs 60
# Per operation, beside those that cover each schema's borders; and as whom the service is called.
EXAMPLES = {"referral": 10, "suggestion": 2, "minors": 2, "notifier": 100}
CALLERS = {
    "referral": ORGAN,
    "suggestion": PROCURATORATE,
    "minors": PROCURATORATE,
    "notifier": ORGAN,
}
OPENINGS = {
    "suggestion": (
        "/v1/procuratorial-suggestions",
        "/v1/supervision-drafts",
        "/v1/public-interest-litigation",
    ),
    "minors": ("/v1/mandatory-reports/openings/take_down", "/v1/retaliation-complaints/openings/take_down"),
}
# Left out are checks that ask more of a JSON Schema than it can say. `positive_data_acceptance`: the law refuses
# what the schema allows, a unit of the wrong kind or an act before the one before it. `negative_data_rejection`:
# pydantic takes a number for a moment. `ensure_resource_availability`, `use_after_free`: a unit that was given
# up stays readable. `object_level_authorization`: who sees a matter is walked through in the tests of access.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
    "missing_required_header",
    "ignored_auth",
)
# How a body that is a workbook is written: as the bytes that were made up for it, for it knows no such type.
HOOKS = "workbooks"
WORKBOOK = f"""
import schemathesis


@schemathesis.serializer("{XLSX}")
def workbook(_, value):
    return value if isinstance(value, bytes) else str(value).encode()
"""
METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class Run:
    """What schemathesis reports: its counts, and what it wrote."""

    report: dict[str, Any]
    output: str


async def served(city: City, service: str) -> dict[str, Any]:
    answer = await city.client.get(f"{city.suite.services[service].url}/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation, with its method and path."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


@pytest.fixture(scope="module")
async def runs(city: City, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The services explored at once, each by a process of its own."""
    known = await things(city)
    services = list(EXAMPLES)
    found = await asyncio.gather(
        *(explore(city, service, known, tmp_path_factory.mktemp(service)) for service in services)
    )
    return dict(zip(services, found, strict=True))


async def things(city: City) -> dict[str, list[str]]:
    """What there is, by the name of the path parameter that leads to it."""
    ways = ((), TO_DELIVERY, (*TO_DELIVERY, "sign_receipt"), TO_FILING, TO_SUPERVISION)
    matters = [await city.walk(*way) for way in ways]
    await city.settle()
    webhooks = (await city.read(ORGAN, "/v1/webhooks", service="notifier"))["items"]
    notices = await city.feed(ORGAN)
    deliveries = (await city.read(ORGAN, f"/v1/webhooks/{webhooks[0]['id']}/deliveries", service="notifier"))[
        "items"
    ]
    return {
        "matter": [*matters, *await openings(city)],
        "paper": [await city.paper(ORGAN), await city.paper(POLICE)],
        "paper_id": [await city.paper(ORGAN)],
        "code": [OTHER_POLICE],  # it may give this one up
        "key": ["forward_transfer", "procuratorial_suggestion"],
        "webhook_id": [webhook["id"] for webhook in webhooks],
        "notice_id": [notice["id"] for notice in notices],
        "delivery_id": [delivery["id"] for delivery in deliveries],
    }


async def openings(city: City) -> list[str]:
    """What services open by their own examples, where no paper is needed."""
    matters = []
    for service, paths in OPENINGS.items():
        document = await served(city, service)
        for path in paths:
            schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
            body = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"][0]
            headers = {"Idempotency-Key": new_key()}
            answer = await city.call(PROCURATORATE, "POST", path, service=service, json=body, headers=headers)
            assert answer.status_code == 201, answer.text
            matters.append(answer.json()["matter"])
    return matters


async def explore(city: City, service: str, known: dict[str, list[str]], folder: Path) -> Run:
    """Run schemathesis as a unit that exists and may do everything."""
    document = await served(city, service)
    scopes = {
        scope
        for _, operation in operations(document)
        for needed in operation.get("security", ())
        for each in needed.values()
        for scope in each
    }
    for _, operation in operations(document):
        del operation["responses"]["default"]  # it would let every status pass for documented
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(
        "\n".join(
            [
                *(f"dictionaries.{name}.values = {json.dumps(values)}" for name, values in known.items()),
                "[parameters]",
                *(f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in known),
                "[checks]\nenabled = false",
                *(f"{check}.enabled = true" for check in CHECKS),
                # This path is also that of a unit whose code would be "import".
                '[[operations]]\ninclude-path = "/v1/units/import"',
                "checks.unsupported_method.enabled = false\nchecks.allow_header_conformance.enabled = false",
            ]
        )
    )
    command = [
        *(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            "schemathesis.toml",
            "run",
            "openapi.json",
        ),
        *("--url", city.suite.services[service].url),
        *("--header", f"Authorization: Bearer {city.token(CALLERS[service], *sorted(scopes))}"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES[service])),
        *("--continue-on-failure", "--no-shrink", "--no-color"),
        *("--seed", "20261123", "--generation-database", "none", "--request-timeout", "10"),
        *("--report", "json", "--report-json-path", "report.json"),
    ]
    (folder / f"{HOOKS}.py").write_text(WORKBOOK)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    report = folder / "report.json"
    return Run(json.loads(report.read_text()) if report.exists() else {}, output.decode())


@pytest.mark.parametrize("service", EXAMPLES)
async def test_the_service_does_what_its_openapi_says(runs: dict[str, Run], service: str) -> None:
    run = runs[service]
    assert run.report, run.output
    assert (run.report["failures"], run.report["errors"]) == ([], []), run.output
    assert run.report["test_cases"]["generated"] >= CASES
    assert run.report["operations"]["tested"] == run.report["operations"]["total"] > 15


@pytest.mark.parametrize("service", EXAMPLES)
async def test_a_client_can_be_generated_that_reads_well(city: City, service: str) -> None:
    document = await served(city, service)
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names), names
    for place, operation in operations(document):
        assert operation["summary"], place
        assert operation["description"], place


@pytest.mark.parametrize("service", EXAMPLES)
async def test_every_refusal_is_documented_as_a_problem(city: City, service: str) -> None:
    document = await served(city, service)
    for place, operation in operations(document):
        responses = operation["responses"]
        needed = {"429", "503", "default"} | (set() if operation.get("x-public") else {"401", "403"})
        if "{" in place:
            needed.add("404")
        if "requestBody" in operation:
            needed |= {"400", "413", "415", "422"}
        assert needed <= responses.keys(), place
        for status in responses.keys() - {"200", "201", "202", "204"}:
            described = document["components"]["responses"][responses[status]["$ref"].rpartition("/")[2]]
            assert list(described["content"]) == ["application/problem+json"], (place, status)
