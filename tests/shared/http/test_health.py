"""An orchestrator and a scraper ask without a token."""


async def test_health_needs_no_token(service):
    service.client.headers.pop("Authorization")
    assert (await service.client.get("/healthz")).json() == {"alive": True}
    answer = await service.client.get("/readyz")
    assert answer.json() == {"ready": True, "checks": {"mongo": True, "queues": True}}


async def test_one_check_that_fails_makes_it_unready(service):
    for name in ("mongo", "queues"):
        service.checks[name] = False
        answer = await service.client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
        assert answer.json()["checks"][name] is False
        assert answer.headers["retry-after"]
        assert "canary" not in answer.text
        service.checks[name] = True


async def test_requests_are_counted_by_route_and_never_by_path(service):
    await service.client.get("/v1/things/00000000-0000-0000-0000-000000000001")
    await service.client.get("/canary")
    await service.client.request("CANARY", "/v1/things")
    text = (await service.client.get("/metrics")).text
    assert 'liandong_http_requests_total{method="GET",route="/v1/things/{thing_id}",status="200"}' in text
    assert 'liandong_http_request_seconds_count{method="GET",route="unmatched"}' in text
    assert "canary" not in text.lower()
