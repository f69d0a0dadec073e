"""What is told of a child or of a reporter stays sealed: it is left nowhere, whatever happens, wherever one looks.

Every road of every procedure is walked through running processes, and everything wrong is tried that has room for a
word. Then all that is left is searched: databases as raw bytes, queues, logs, spans, metrics, webhooks, events and
answers.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aio_pika import Message
from starlette.responses import Response

from deploy.local.servers import Servers
from services.minors.domain.sheet import XLSX
from services.minors.main import SERVICE
from shared.bus import Bus, parked_queue, retry_queue
from shared.bus.connection import channel
from shared.events import Event
from shared.mechanism.grammar import Mechanism, Step
from tests.journeys import planted
from tests.journeys.city import City, until
from tests.journeys.haven import Haven, House, house_on
from tests.journeys.places import FIREHOSE, Places
from tests.journeys.planted import FOREIGN, OURS, TEXT, Piece, Words
from tests.services.minors.conftest import (
    CIVIL_AFFAIRS,
    COURT,
    HOTLINE,
    OTHER_SCHOOL,
    POLICE,
    PROCURATORATE,
    REPORTING_MECHANISMS,
    SCHOOL,
    WOMENS_FEDERATION,
)
from tests.services.minors.register import test_import as sheets
from tests.services.minors.register import test_vice_principal_roads as posts
from tests.services.minors.register.office import AUTHORITY, SECOND_SCHOOL
from tests.services.minors.roads import POSTS, Road, opened, walk
from tests.services.minors.test_roads import OF

HOOKED = (
    POLICE,
    PROCURATORATE,
    SCHOOL,
    HOTLINE,
    CIVIL_AFFAIRS,
    WOMENS_FEDERATION,
    COURT,
    AUTHORITY,
)
GUARD = ("minors_officer",)
QUEUE = SERVICE.queue
NOBODYS_TOKEN = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ"  # of no matter
# What the service itself does with a post, at its own time.
BY_ITSELF = ("open_year", "fulfil_hours")


@pytest.fixture(scope="module")
async def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house_on(servers, tmp_path_factory.mktemp("canary"), hooked=HOOKED) as running:
        yield running


@pytest.fixture(scope="module")
async def left(house: House) -> list[Piece]:
    """Everything that is left once all of it has happened."""
    await every_road_is_walked_while_the_worker_dies(house)
    address = await posts_are_walked_and_handed_in(house)
    await a_report_is_read_followed_and_corrected(house)
    await everything_wrong_is_refused(house)
    await import_is_done(house, address)
    await stranger_puts_into_the_queue(house)
    await all_is_told(house)
    return await house.places.everything()


# What happens.


async def every_road_is_walked_while_the_worker_dies(house: House) -> None:
    async def walked(desk: Haven, road: Road) -> None:
        matter, rest = await opened(desk, road)
        await walk(desk, matter, rest)

    async def dies() -> None:
        await asyncio.sleep(1.5)
        await house.kill_worker()

    for key, roads in OF.items():
        desk = house.desk(key)
        dying = [dies()] if key == "mandatory_report" else []
        await asyncio.gather(*dying, *(walked(desk, road) for road in roads.values()))


async def anew(desk: Haven) -> str:
    """A new matter, opened by the usual way in."""
    matter, _ = await opened(desk, ("accept",))
    return matter


async def posts_are_walked_and_handed_in(house: House) -> str:
    """Walk the roads of a post, and hand in an older register; the address of its import."""
    office = house.chancery
    for road in posts.ROADS.values():
        story = posts.story_of(office, road)
        matter = await posts.begun(office, road, story)
        for step in road[1:]:
            if step not in BY_ITSELF:
                form = await posts.form_now(office, matter, step)
                await office.walked(matter, story, step, form=form)
    person = {**planted.SECRETS["person"], "person": planted.ID_NUMBER}
    rows = [
        sheets.row(1, **person),
        sheets.row(2, **person, school=SECOND_SCHOOL),
        {
            **sheets.row(3, **person),
            **dict.fromkeys(("school", "sender", "starts_on", "letter_number"), TEXT),
        },
        {**sheets.row(4, **person), "training_hours": planted.PHONE, "retired": TEXT, "birth_year": TEXT},
    ]
    answer = await sheets.send(office, sheets.workbook(rows), key=f"{planted.LATIN}-import")
    assert answer.status_code == 202, answer.text
    address: str = answer.headers["Location"]
    return address


async def import_is_done(house: House, address: str) -> None:
    """Wait for the import; the lease of the worker that died is to be over first, for its events too."""
    office = house.chancery

    async def done() -> bool:
        return bool((await office.get(AUTHORITY, address)).json()["state"] == "done")

    async def registered() -> bool:
        return len(await office.shown(AUTHORITY, sheets.REGISTER)) >= len(posts.ROADS)

    await until(done, 45)
    await until(registered)
    outcomes = await sheets.outcomes(office, address)
    assert Counter(outcome for _, outcome, _ in outcomes) == {"created": 2, "refused": 2}
    assert (await office.get(AUTHORITY, f"{address}/report")).status_code == 200


async def a_report_is_read_followed_and_corrected(house: House) -> None:
    """Do with a report all that may be done with its secrets, and what may not."""
    desk = house.desk("mandatory_report")
    called = tuple(step.key for step in desk.mechanism.steps if step.key.startswith("call_in_"))
    matter = await anew(desk)
    await walk(desk, matter, ("accept", "file_for_record", *called, "supplement", "not_file"))
    path = f"{desk.path}/{matter}"
    listed = (await desk.get(POLICE, f"{path}/secrets")).json()
    labels = {each["secret"]: each["label"] for each in listed}
    await granted_and_refused(desk, path, labels)
    await glass_is_broken(desk, path, labels["child"])
    paper = (await desk.read(matter, PROCURATORATE, "/history"))["entries"][-1]["papers"]
    (ref,) = next(iter(paper.values()))
    read = await desk.post(
        POLICE, f"{path}/papers/{ref['id']}/disclosures", {"purpose": "case_handling"}, posts=GUARD
    )
    assert read.content == planted.PAPER
    for unit, purpose in ((CIVIL_AFFAIRS, "case_handling"), (POLICE, TEXT)):
        refused = await desk.post(unit, f"{path}/papers/{ref['id']}/disclosures", {"purpose": purpose})
        assert refused.status_code in (403, 404, 422), refused.text
    await corrected(house)
    audits = {"Authorization": f"Bearer {house.city.token(PROCURATORATE, 'accesses:read')}"}
    for part in ("", "/verification", f"/years/{desk.now().year}"):
        assert (await desk.client.get(f"/v1/accesses{part}", headers=audits)).status_code == 200
    house.tokens += await followed_and_complained(desk, matter)


async def granted_and_refused(desk: Haven, path: str, labels: Mapping[str, str]) -> None:
    """Read as who may, and as who may not; then look the child up."""
    for secret, label in labels.items():
        body = {"label": label, "purpose": "case_handling"}
        answer = await desk.post(POLICE, f"{path}/disclosures", body, posts=GUARD)
        assert answer.json()["fields"] == planted.SECRETS[secret]
        assert (await desk.post(SCHOOL, f"{path}/disclosures", body, posts=GUARD)).status_code == 403
        assert (await desk.post(OTHER_SCHOOL, f"{path}/disclosures", body, posts=GUARD)).status_code == 404
    child = labels["child"]
    wrongs: tuple[tuple[dict[str, Any], int], ...] = (
        ({"label": "C-AAAAAAAA"}, 404),
        ({"label": TEXT}, 422),
        ({"label": planted.ID_NUMBER, TEXT: TEXT}, 422),
        ({"purpose": TEXT}, 422),
        ({"purpose": "feedback_to_reporter"}, 422),
        ({"fields": [TEXT]}, 422),
        ({"fields": ["name", planted.ID_NUMBER]}, 422),
        ({"grant": planted.ID_NUMBER}, 422),
        ({"grant": str(uuid4())}, 422),
    )
    for wrong, status in wrongs:
        body = {"label": child, "purpose": "case_handling", **wrong}
        answer = await desk.post(POLICE, f"{path}/disclosures", body, posts=GUARD)
        assert answer.status_code == status, (wrong, answer.text)
    for value in (planted.ID_NUMBER, planted.ID_NUMBER.lower(), planted.PHONE, TEXT[:100]):
        for unit, posts_held in ((POLICE, GUARD), (SCHOOL, GUARD), (POLICE, ())):
            asked = {"value": value, "purpose": "case_handling"}
            await desk.post(unit, f"{desk.path}/lookups/child", asked, posts=posts_held)
    found = await desk.post(
        POLICE,
        f"{desk.path}/lookups/child",
        {"value": planted.ID_NUMBER, "purpose": "case_handling"},
        posts=GUARD,
    )
    assert found.json()


async def glass_is_broken(desk: Haven, path: str, label: str) -> None:
    """Ask with a reason that names the child, be refused, be released, and read."""
    asked = {"label": label, "fields": ["home"], "purpose": "rescue", "reason": planted.REASON}
    answer = await desk.post(WOMENS_FEDERATION, f"{path}/grants", asked, posts=())
    assert answer.status_code == 201, answer.text
    grant = answer.json()["id"]
    for wrong in ({"reason": planted.REASON * 100}, {"purpose": TEXT}, {"fields": [TEXT]}, {TEXT: TEXT}):
        refused = await desk.post(WOMENS_FEDERATION, f"{path}/grants", {**asked, **wrong})
        assert refused.status_code == 422, refused.text
    assert (await desk.post(OTHER_SCHOOL, f"{path}/grants", asked)).status_code == 404
    release = f"{path}/grants/{grant}/release"
    assert (await desk.post(WOMENS_FEDERATION, release, {})).status_code == 403  # who asked does not release
    head = desk.city.suite.issuer.token(
        WOMENS_FEDERATION, person="P-second", posts=["department_head"], scopes=["secrets:read"]
    )
    released = await desk.client.post(release, headers={"Authorization": f"Bearer {head}"})
    assert released.status_code == 200, released.text
    assert (await desk.get(WOMENS_FEDERATION, f"{path}/grants")).json()[0]["released_by"] == "P-second"
    body = {"label": label, "purpose": "rescue", "grant": grant, "fields": ["home"]}
    opened_by = await desk.post(WOMENS_FEDERATION, f"{path}/disclosures", body, posts=())
    assert opened_by.json()["fields"] == {"home": planted.SECRETS["child"]["home"]}


async def corrected(house: House) -> None:
    """Correct a date of a matter of each procedure, with a reason that names the child; it may be refused for that."""
    for key in OF:
        desk = house.desk(key)
        matter = await anew(desk)
        unit = desk.opener
        no_words: dict[str, str] = {}
        for words in (no_words, {"reason": TEXT}, {"reason": planted.ID_NUMBER, TEXT: TEXT}):
            body = {
                "entry": 1,
                "acted_at": desk.city.ago(hours=1),
                "proof": [await desk.paper(unit)],
                **words,
            }
            answer = await desk.post(unit, f"{desk.path}/{matter}/corrections", body)
            assert answer.status_code in (200, 422), (key, answer.text)


async def followed_and_complained(desk: Haven, matter: str) -> list[str]:
    """Follow a report by its token and by wrong ones, and complain of what came of it; the tokens given."""
    answer = await desk.post(SCHOOL, f"{desk.path}/{matter}/follow-token", {})
    token: str = answer.json()["token"]
    for given, status in (
        (token, 200),
        (NOBODYS_TOKEN, 404),
        (planted.LATIN.replace("-", "A"), 422),
        (TEXT, 422),
    ):
        followed = await desk.client.post("/v1/followed", json={"token": given})
        assert followed.status_code == status, followed.text
    complaint = {"kind": "threat", "complaint": planted.SECRETS["complaint"]}
    key = {"Idempotency-Key": f"{planted.LATIN}-complaint"}
    for body, status in (
        ({**complaint, "token": token}, 204),
        ({**complaint, "token": NOBODYS_TOKEN}, 404),
        ({**complaint, "token": TEXT, TEXT: TEXT, "kind": TEXT}, 422),
    ):
        complained = await desk.client.post("/v1/followed/complaints", json=body, headers=key)
        assert complained.status_code == status, complained.text
    return [token, token.replace("-", "")]


async def everything_wrong_is_refused(house: House) -> None:
    for mechanism in SERVICE.mechanisms.values():
        desk = house.desk(mechanism.key) if mechanism.key in REPORTING_MECHANISMS else house.chancery
        house.taken += [each async for each in words_taken(desk, mechanism)]
        await steps_of_others_are_refused(desk, mechanism)
    await wrong_calls_are_refused(house)


async def words_taken(desk: Haven, mechanism: Mechanism) -> AsyncIterator[str]:
    """Try a word in every place of every step's body; give the places that take one although they are not sealed."""
    found = await desk.store.matters.collection.find_one({"mechanism": mechanism.key}, {"_id": 1})
    assert found is not None
    for step in mechanism.every_step:
        path = f"{desk.path}/{found['_id']}/steps/{step.key}"
        if step is mechanism.opening:
            path = desk.path
        elif step in mechanism.openings:
            path = f"{desk.path}/openings/{step.key}"
        body = await desk.body(PROCURATORATE, step)
        tried = [*planted.wrong_bodies({"acted_at": desk.city.ago(), **body}), *_further(step, body)]
        answers = await asyncio.gather(
            *(desk.post(PROCURATORATE, path, wrong, posts=POSTS) for _, wrong in tried)
        )
        for (place, _), answer in zip(tried, answers, strict=True):
            sealed = place[0] == "form" and len(place) > 2 and place[1] in planted.SECRETS
            # Of a code the directory has to know the unit: that is asked once the step itself is possible.
            if answer.status_code != 422 and not sealed and place[0] != "parties":
                yield f"{mechanism.key}.{step.key} {'.'.join(place)}: {answer.status_code}"


def _further(step: Step, body: Mapping[str, Any]) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The body with a word in each field of the form that its example leaves out."""
    form = body.get("form", {})
    missing = step.form.model_fields.keys() - form.keys()
    return [
        (("form", name), {**body, "form": {**form, name: word}})
        for name in sorted(missing)
        for word in (TEXT, planted.ID_NUMBER)
    ]


async def steps_of_others_are_refused(desk: Haven, mechanism: Mechanism) -> None:
    """Take every step as units that may not, with forms that are right and full of words."""
    found = await desk.store.matters.collection.find_one({"mechanism": mechanism.key}, sort=[("_id", 1)])
    assert found is not None
    for step in mechanism.steps:
        takers = {found["parties"].get(party.recorded_by or party.key) for party in step.parties}
        body = await desk.body(OTHER_SCHOOL, step)
        for unit in {OTHER_SCHOOL, COURT, POLICE, SCHOOL} - takers:
            path = f"{desk.path}/{found['_id']}/steps/{step.key}"
            answer = await desk.post(unit, path, body, posts=POSTS)
            assert answer.status_code in (403, 404), (step.key, unit, answer.text)


async def wrong_calls_are_refused(house: House) -> None:
    """Call in every wrong way that has room for a word."""
    desk = house.desk("mandatory_report")
    matter = await anew(desk)
    right = await desk.body(SCHOOL, desk.mechanism.opening, form=dict(planted.SECRETS))
    right["form"].pop("complaint", None)
    for answer in await refused(desk, f"{desk.path}/{matter}", json.dumps(right).encode()):
        told = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
        assert 400 <= answer.status_code < 500, told
        assert answer.headers["content-type"] == "application/problem+json", told
    # A method that nobody knows ends at the HTTP parser, before there is an application to answer it.
    parsed = await desk.client.request(planted.DIGITS, desk.path)
    assert parsed.text == "Invalid HTTP request received."
    with pytest.raises(httpx.HTTPError):
        await desk.client.post("/v1/papers", content=broken(), headers=pdf(desk))
    for headers in harmless_headers():
        everything = {**desk.headers(SCHOOL), **headers}
        path = f"{desk.path}/{matter}"
        assert (await desk.client.get(path, headers=everything)).status_code == 200
    for path in (desk.path, "/healthz", "/openapi.json", "/v1/mechanisms"):
        params = {TEXT: TEXT, "q": planted.PHONE}
        assert (await desk.client.get(path, params=params, headers=desk.headers(POLICE))).status_code == 200


def pdf(desk: Haven, kind: str = "application/pdf") -> dict[str, str]:
    return {**desk.headers(POLICE), "Content-Type": kind}


async def broken() -> AsyncIterator[bytes]:
    """A paper whose sender falls silent half-way."""
    yield planted.PAPER + b" " * 1024 * 1024 + planted.PAPER
    await asyncio.sleep(0.2)
    raise httpx.ReadError("the line is cut")


def harmless_headers() -> list[dict[str, str]]:
    return [
        {"traceparent": f"00-{planted.LATIN}-{planted.PHONE}-01", "tracestate": f"a={planted.PHONE}"},
        {"traceparent": planted.LATIN, "tracestate": f"{planted.PHONE}={planted.LATIN}"},
        {"baggage": f"child={planted.LATIN}", "User-Agent": planted.LATIN, "X-Request-Id": planted.LATIN},
        {
            "X-Forwarded-For": planted.PHONE,
            "Forwarded": f"for={planted.LATIN}",
            "Cookie": f"a={planted.LATIN}",
        },
        {"Accept": planted.LATIN, "Accept-Language": planted.LATIN, "Referer": f"http://{planted.PHONE}/"},
        {f"X-{planted.PHONE}": planted.LATIN, "Host": f"{planted.PHONE}.example", "Origin": planted.LATIN},
        {"Idempotency-Key": planted.LATIN},
    ]


async def refused(desk: Haven, matter: str, right: bytes) -> list[httpx.Response]:
    """The answers to calls that are wrong, each in a way of its own."""

    async def post(path: str, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        everything = {
            "Content-Type": "application/json",
            "Idempotency-Key": planted.LATIN,
            **desk.headers(SCHOOL, POSTS),
            **given,
        }
        return await desk.client.post(path, content=content, headers=everything)

    async def get(path: str, **params: str) -> httpx.Response:
        return await desk.client.get(path, params=params, headers=desk.headers(POLICE))

    async def as_whom(authorization: str) -> httpx.Response:
        return await desk.client.get(desk.path, headers={"Authorization": authorization})

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield TEXT.encode() * 20

    text, cursor = TEXT.encode(), base64.urlsafe_b64encode(TEXT.encode()).decode()
    supplement, path = f"{matter}/steps/supplement", desk.path
    signed = desk.city.suite.issuer.token
    return [
        # The body.
        await post(path, right[:-20]),
        await post(path, text),
        await post(path, b'{"form": ' + text),
        await post(path, b"\xff\xfe" + TEXT.encode("utf-16-le")),
        await post(path, json.dumps([TEXT]).encode()),
        await post(path, json.dumps(TEXT).encode()),
        await post(path, right, Content_Type=f"text/{planted.PHONE}"),
        await post(path, right, Content_Type="application/x-www-form-urlencoded"),
        await post(path, right, Content_Type=f"multipart/form-data; boundary={planted.PHONE}"),
        await post(path, text * 1000),
        await post(path, pieces()),
        await post(path, b"[" * 30_000 + text),
        await post(supplement, right),
        # Headers.
        await post(path, right, Idempotency_Key=f"{planted.LATIN} {planted.PHONE}"),
        await post(path, right, Idempotency_Key=planted.LATIN * 20),
        await post(supplement, b"{}", If_Match=planted.LATIN),
        await post(supplement, b"{}", If_Match=f'"{planted.DIGITS}"'),
        await as_whom(f"Bearer {planted.LATIN}"),
        await as_whom(f"Basic {base64.b64encode(text).decode()}"),
        await as_whom(f"Bearer {unsigned()}"),
        await as_whom(f"Bearer {signed(SCHOOL, person=TEXT, audiences=[TEXT])}"),
        await as_whom(f"Bearer {signed(SCHOOL, person=TEXT, scopes=[planted.PHONE])}"),
        await as_whom(f"Bearer {signed(SCHOOL, person=TEXT, seconds=-60)}"),
        await as_whom(f"Bearer {signed(planted.PHONE, person=TEXT)}"),
        await as_whom(f"Bearer {signed(TEXT, person=TEXT, posts=[TEXT])}"),
        # Paths and queries.
        await get(f"{path}/{TEXT}"),
        await get(f"{path}/{planted.ID_NUMBER}/history"),
        await get(f"/v1/{TEXT}"),
        await get(f"{matter}/papers/{planted.ID_NUMBER}"),
        await get(f"/v1/mechanisms/{TEXT}"),
        await post(f"{matter}/steps/{TEXT}", right),
        await post(f"{path}/openings/{planted.ID_NUMBER}", right),
        await post(f"{path}/lookups/{TEXT}", right),
        await post(f"{matter}/grants/{planted.ID_NUMBER}/release", right),
        await desk.client.request("PATCH", f"/v1/mechanisms/{TEXT}", headers=desk.headers(SCHOOL)),
        await get(path, cursor=cursor),
        await get(path, cursor=planted.LATIN),
        await get(path, state=TEXT, party=TEXT, division=planted.ID_NUMBER, linked_to=TEXT),
        await get(path, due_before=planted.PHONE, overdue=TEXT, limit=planted.PHONE),
        await get("/v1/events", after=TEXT),
        await get("/v1/vice-principal-register", person=planted.ID_NUMBER, ends_before=TEXT, cursor=cursor),
        await get("/v1/vice-principal-coverage", division=TEXT, cursor=cursor),
        await get(f"/v1/vice-principal-imports/{planted.ID_NUMBER}/rows"),
        await desk.client.get("/v1/accesses", params={"matter": TEXT}, headers=desk.headers(PROCURATORATE)),
        # Papers and files.
        await desk.client.post("/v1/papers", content=text, headers=pdf(desk)),
        await desk.client.post("/v1/papers", content=planted.PAPER, headers=pdf(desk, "image/png")),
        await desk.client.post("/v1/papers", content=planted.PAPER, headers=pdf(desk, f"a/{planted.PHONE}")),
        await desk.client.post("/v1/papers", content=planted.PAPER * 20_000, headers=pdf(desk)),
        await post("/v1/vice-principal-imports", text, Content_Type=XLSX),
        # Of the notifier.
        *[
            await wrongly(desk.city, method, "directory:write", path, body)
            for method, path, body in (
                ("GET", f"/v1/units/{TEXT}", None),
                ("PUT", "/v1/units/LY-X-1", {"name": TEXT, "kind": TEXT, "uscc": planted.ID_NUMBER}),
                ("POST", "/v1/webhooks", {"url": f"ftp://{planted.PHONE}/", TEXT: 1}),
                ("POST", "/v1/webhooks", {"url": f"http://a.example/?{planted.PHONE}", "event_types": [TEXT]}),
                ("GET", f"/v1/feed?after={planted.ID_NUMBER}", None),
            )
        ],
    ]  # fmt: skip


async def wrongly(city: City, method: str, scope: str, path: str, body: Any) -> httpx.Response:
    return await city.call(SCHOOL, method, path, scope, service="notifier", json=body)


def unsigned() -> str:
    """A token that says whose it is and proves nothing."""
    parts = [{"alg": "none", "kid": planted.PHONE}, {"iss": TEXT, "sub": planted.ID_NUMBER, "unit": TEXT}]
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join((*encoded, ""))


async def stranger_puts_into_the_queue(house: House) -> None:
    """Put in an event of ours that nobody can handle, and messages of a stranger's that are none."""
    erased = next(each.event for each in house.city.spied if each.event.type.endswith(".erased"))
    headers = {**erased.headers(), "cloudEvents:subject": str(uuid4()), "cloudEvents:id": str(uuid4())}
    foreign = f"儿童{planted.FOREIGN_HAN}，电话{planted.FOREIGN_DIGITS}"
    queue = SERVICE.queue
    await put(house.city, queue, erased.body(), headers)
    await put(house.city, queue, foreign.encode(), {})
    await put(house.city, queue, json.dumps({"told": foreign}).encode(), headers | {"cloudEvents:time": "?"})
    bus = Bus(house.city.broker, "stranger")

    async def parked() -> bool:
        return await bus.parked(queue) == 2

    try:
        await until(parked)
    finally:
        await bus.close()


async def put(city: City, queue: str, body: bytes, headers: Mapping[str, Any]) -> None:
    async with channel(city.broker, "stranger") as raw:
        await raw.default_exchange.publish(Message(body, headers=dict(headers)), routing_key=queue)


async def all_is_told(house: House) -> None:
    """Wait until nothing is owed to anybody, what grants say included."""
    await house.city.settle(60)
    grants = house.parts.keeping.grants.collection

    async def said() -> bool:
        return await grants.count_documents({"send_at": {"$exists": True}}) == 0

    await until(said)


# What is left.


def test_no_word_is_left_anywhere(left: list[Piece], record_property: Callable[[str, object], None]) -> None:
    counted = Counter(each.kind for each in left)
    record_property("searched", {kind: f"{number}" for kind, number in counted.items()})
    record_property("bytes", sum(len(each.content) for each in left))
    found = OURS.found(left)
    places = Counter(hit.partition(":")[0] for hit in found)
    assert not found, "\n".join((str(places), *found[:20]))


def test_no_field_that_is_not_sealed_takes_a_word(house: House, left: list[Piece]) -> None:
    assert left
    assert house.taken == []


def test_a_token_is_kept_no_more_than_a_name(house: House, left: list[Piece]) -> None:
    assert house.tokens
    given = [each for each in left if not each.place.endswith("/follow-token")]
    assert Words(*house.tokens).found(given) == []


def test_what_a_stranger_put_into_a_queue_stays_in_it(left: list[Piece]) -> None:
    places = {hit.partition(":")[0] for hit in FOREIGN.found(left)}
    assert places == {f"queue {parked_queue(QUEUE)} body", f"queue {FIREHOSE} body"}


def test_every_place_was_searched(left: list[Piece], house: House) -> None:
    places = {kind: {each.place for each in left if each.kind == kind} for kind in {e.kind for e in left}}
    processes = [f"{service}-{part}" for service in ("minors", "notifier") for part in ("api", "worker")]
    assert {f"{each}.log" for each in processes} <= places["log"]
    assert {f"{each}.jsonl" for each in processes} <= places["span"]
    assert len(places["metric"]) == len(processes)
    kept = {"matters", "accesses", "grants", "followers", "said", "units", "fs.files", "imports"}
    assert {f"minors.{each}" for each in kept} | {"minors_keys.keys", "notifier.units"} <= places["document"]
    assert places["chunk"] == {"minors.fs.chunks"}
    assert places["oplog"]
    assert places["server-log"]
    queues = {QUEUE, parked_queue(QUEUE), FIREHOSE}
    assert {f"queue {each} body" for each in queues - {QUEUE}} <= {f"queue {p}" for p in places["queue"]}
    assert any(each.startswith(f"{QUEUE}.retry.") for each in places["queue"])
    assert {f"/{unit}" for unit in HOOKED} <= places["webhook"]
    mechanisms = {mechanism.key for mechanism in SERVICE.mechanisms.values()}
    assert mechanisms <= {each.split(".")[1] for each in places["event"]}
    assert "minors.mandatory_report.glass_broken" in places["event"]
    assert places["answer"]


def test_the_words_were_told_and_are_read_by_who_may(house: House, left: list[Piece]) -> None:
    told = b"".join(each.content for each in house.places.opened)
    words = {word for name in ("child", "facts", "reporter") for word in planted.SECRETS[name].values()}
    assert [word for word in words if word.encode() not in told] == []
    assert planted.PAPER in told
    assert OURS.kinds(house.places.opened) == {"answer"}


# The search is real.


@pytest.mark.parametrize("word", [planted.HAN, planted.DIGITS, planted.TEXT, planted.BORN.isoformat()])
@pytest.mark.parametrize("before", ["", "a", "ab", "报告"])
def test_a_word_is_found_in_every_spelling(word: str, before: str) -> None:
    text = f"{before}{word} 等"
    spelled = [
        *(text.encode(code) for code in ("utf-8", "utf-16", "utf-16-be", "gb18030")),
        json.dumps(text).encode(),
        str(httpx.QueryParams({"q": text})).encode(),
        text.encode().hex().encode(),
        repr(text.encode()).encode(),
        base64.b64encode(text.encode()),
        base64.urlsafe_b64encode(text.encode()),
        base64.b64encode(text.encode("utf-16-le")),
    ]
    for content in spelled:
        assert OURS.found([Piece("document", "there", content)]), content
    assert OURS.found([Piece("document", "there", "事项有新进展 2026-01-02".encode())]) == []


async def plant_line(places: Places, word: str) -> None:
    with (places.city.folder / "logs" / "minors-api.log").open("a") as file:
        file.write(json.dumps({"message": f"the form was {word}"}) + "\n")


async def plant_span(places: Places, word: str) -> None:
    with (places.city.folder / "traces" / "minors-worker.jsonl").open("a") as file:
        file.write(json.dumps({"name": word, "trace_id": "0" * 32, "span_id": "0" * 16}) + "\n")


async def plant_metric(places: Places, word: str) -> None:
    receiver = places.city.receiver
    receiver.answers["/metrics"] = lambda _: Response(f'requests_total{{route="{word}"}} 1.0')
    places.measured.append(receiver.url)


async def plant_document(places: Places, word: str) -> None:
    kept = places.city.databases["minors"].database["matters"]
    await kept.update_one({}, {"$set": {"planted": {"deep": [word]}}})


async def plant_key(places: Places, word: str) -> None:
    mongo = places.city.databases["minors"]
    keys = mongo.client[f"{mongo.database.name}_keys"]["keys"]
    await keys.update_one({}, {"$set": {"keyAltNames": [word]}})


async def plant_chunk(places: Places, word: str) -> None:
    chunks = places.city.databases["minors"].database["fs.chunks"]
    await chunks.insert_one({"files_id": word[:1], "n": 0, "data": f"%PDF-1.7 {word}".encode()})


async def plant_removed(places: Places, word: str) -> None:
    kept = places.city.databases["minors"].database["passing"]
    await kept.insert_one({"_id": 1, "told": word})
    await kept.drop()


async def plant_parked(places: Places, word: str) -> None:
    await put(places.city, parked_queue(QUEUE), b"{}", {"liandong-reason": word})


async def plant_retried(places: Places, word: str) -> None:
    await put(places.city, retry_queue(QUEUE, 600), word.encode(), {})


async def plant_passing(places: Places, word: str) -> None:
    """A message that nobody keeps: malformed to its reader, and taken from where that parks it."""
    await put(places.city, QUEUE, word.encode(), {})


async def plant_webhook(places: Places, word: str) -> None:
    await places.city.client.post(places.city.receiver.url + "/told", content=word.encode())


async def plant_webhook_header(places: Places, word: str) -> None:
    headers = {"X-Told": word.encode().hex()}
    await places.city.client.post(places.city.receiver.url + "/told", headers=headers)


async def plant_event(places: Places, word: str) -> None:
    moment = places.city.now()
    event = Event("planted", "/trial", "trial.planted", "1", moment, {"told": word}, 1, "planted")
    bus = Bus(places.city.broker, "trial")
    try:
        await bus.publish(event)
    finally:
        await bus.close()

    async def heard() -> bool:
        return any(each.event.id == "planted" for each in places.city.spied)

    await until(heard)


async def plant_answer(places: Places, word: str) -> None:
    places.city.receiver.answers["/quoting"] = lambda _: Response(f'{{"detail": "not {word}"}}', 422)
    async with httpx.AsyncClient(trust_env=False, event_hooks={"response": [places.hear]}) as client:
        await client.get(places.city.receiver.url + "/quoting")


Plant = Callable[[Places, str], Awaitable[None]]


@pytest.mark.parametrize(
    ("plant", "kind", "place"),
    [
        (plant_line, "log", "minors-api.log"),
        (plant_span, "span", "minors-worker.jsonl"),
        (plant_metric, "metric", "http"),
        (plant_document, "document", "minors.matters"),
        (plant_key, "document", "minors_keys.keys"),
        (plant_chunk, "chunk", "minors.fs.chunks"),
        (plant_removed, "oplog", "oplog"),
        (plant_parked, "queue", "minors.events.parked properties"),
        (plant_retried, "queue", "minors.events.retry.600000 body"),
        (plant_passing, "queue", "firehose body"),
        (plant_webhook, "webhook", "/told"),
        (plant_webhook_header, "webhook", "/told"),
        (plant_event, "event", "trial.planted"),
        (plant_answer, "answer", "GET 422"),
    ],
)
async def test_the_same_search_finds_what_is_put_into_a_place(
    house: House, left: list[Piece], plant: Plant, kind: str, place: str
) -> None:
    word = f"鬱鱻{plant.__name__}麤"
    words = Words(word)
    assert words.found(left) == []
    await plant(house.places, word)

    async def found() -> list[str]:
        hits = words.found(await house.places.everything())
        return [hit for hit in hits if hit.startswith(f"{kind} {place}")]

    assert await until(found)
