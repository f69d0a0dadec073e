"""Pages follow one another without loss, and a cursor serves the query it was made for."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http import paging
from shared.http.problems import Problem


async def test_the_links_lead_through_every_item_once(service):
    seen: list[str] = []
    url = "/v1/things?limit=3&state=open"
    while url:
        answer = await service.client.get(url)
        seen += [item["id"] for item in answer.json()["items"]]
        link = answer.headers.get("link")
        assert bool(link) == bool(answer.json()["next"])
        url = link.removeprefix("<").removesuffix('>; rel="next"') if link else ""
    assert seen == [f"item-{number}" for number in range(7)]


async def test_a_cursor_of_another_query_is_refused(service):
    cursor = (await service.client.get("/v1/things?limit=3&state=open")).json()["next"]
    answer = await service.client.get("/v1/things", params={"state": "closed", "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor-mismatch")
    answer = await service.client.get("/v1/things", params={"state": "open", "limit": 2, "cursor": cursor})
    assert answer.status_code == 200


@pytest.mark.parametrize("limit", ["0", "201", "many", "-1", "9" * 30])
async def test_a_page_has_a_size(service, limit):
    assert (await service.client.get("/v1/things", params={"limit": limit})).status_code == 422


@given(
    st.lists(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.text(st.characters(codec="utf-8"))
        | st.datetimes(timezones=st.just(UTC)),
        max_size=4,
    )
)
def test_a_cursor_carries_its_values(places):
    query = {"state": "open", "since": datetime(2026, 1, 1, tzinfo=UTC)}
    assert paging.decode(paging.encode(places, query), query, len(places)) == tuple(places)


def _own(*values: object) -> str:
    genuine = paging.encode([], {})
    digest = json.loads(base64.urlsafe_b64decode(genuine + "=="))[0]
    return base64.urlsafe_b64encode(json.dumps([digest, *values]).encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        {"$gt": ""},
        {"at": 1},
        {"at": "x", "b": 1},
        ["a"],
        2**63,
        "\ud800",
        {"at": "0001-01-01T00:00:00+23:00"},
    ],
    ids=str,
)
def test_a_forged_cursor_brings_no_operator_into_a_query(value):
    with pytest.raises(Problem) as refused:
        paging.decode(_own(value), {}, 1)
    assert (refused.value.status, refused.value.code) == (400, "cursor-malformed")


def test_a_cursor_of_another_sort_is_refused():
    with pytest.raises(Problem):
        paging.decode(_own("a"), {}, 2)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbage_is_no_cursor(text):
    with pytest.raises(Problem) as refused:
        paging.decode(text, {}, 2)
    assert refused.value.status == 400
