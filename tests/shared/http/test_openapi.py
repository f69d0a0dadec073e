"""The served OpenAPI tells the truth about problems."""

import re
from typing import Any

from shared.http.headers import etag


async def _document(service: Any) -> dict[str, Any]:
    service.client.headers.pop("Authorization")
    document: dict[str, Any] = (await service.client.get("/openapi.json")).json()
    return document


async def test_the_document_is_openapi_3_1_and_readable_without_a_token(service):
    document = await _document(service)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in str(document)


async def test_each_operation_tells_its_problems_and_its_scope(service):
    paths = (await _document(service))["paths"]
    always = {"401", "403", "429", "503", "default"}
    assert set(paths["/v1/things"]["get"]["responses"]) == always | {"200", "400", "422"}
    assert set(paths["/v1/things"]["post"]["responses"]) == always | {
        "201",
        "400",
        "409",
        "413",
        "415",
        "422",
    }
    assert set(paths["/v1/things/{thing_id}"]["get"]["responses"]) == always | {"200", "404", "422"}
    assert {"404", "412", "428"} <= set(paths["/v1/things/{thing_id}"]["put"]["responses"])
    assert paths["/v1/things"]["get"]["security"] == [{"bearer": ["matters:read"]}]
    assert paths["/v1/things"]["get"]["operationId"] == "list_things"


async def test_every_problem_has_the_media_type_of_one(service):
    document = await _document(service)
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]
    assert "Retry-After" in document["components"]["responses"]["Problem503"]["headers"]


async def test_the_form_of_a_version_is_told(service):
    parameters = (await _document(service))["paths"]["/v1/things/{thing_id}"]["put"]["parameters"]
    (schema,) = [each["schema"] for each in parameters if each["name"] == "If-Match"]
    text, _ = schema["anyOf"]
    assert re.search(text["pattern"], etag(7))
    assert not re.search(text["pattern"], "*")


async def test_the_keys_are_required_in_the_document(service):
    paths = (await _document(service))["paths"]
    names = {each["name"]: each["required"] for each in paths["/v1/things"]["post"]["parameters"]}
    assert names == {"Idempotency-Key": True}
