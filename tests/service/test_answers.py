"""What is wrong is one sentence that a client can act on, as a problem, whoever notices it first."""

import json
from typing import Any

import pytest
from serving import House, picture

URI = "data:image/png;base64,iVBORw0KGgo="
FILE = {"picture": ("a.png", picture(), "image/png")}


@pytest.mark.parametrize(
    ("path", "words", "field", "said"),
    [
        ("/v1/jobs", {"json": {}}, "", "give pictures or words, one of them"),
        ("/v1/jobs", {"json": []}, "", "the body is a list; give an object"),
        (
            "/v1/jobs",
            {"content": b"x", "headers": {"Content-Type": "text/plain"}},
            "",
            "Content-Type: application/json",
        ),
        (
            "/v1/jobs",
            {"json": {"pictures": [{"url": "ftp://x"}]}},
            "",
            "picture 1 must begin with https://, http:// or data:",
        ),
        ("/v1/jobs", {"json": {"pictures": [URI]}}, "pictures.0", "; give an object"),
        (
            "/v1/jobs",
            {"json": {"pictures": [{"url": URI, "side": "x"}]}},
            "pictures.0.side",
            "there are url, view",
        ),
        ("/v1/jobs", {"json": {"options": "draft"}}, "options", "options is 'draft'; give an object"),
        ("/v1/jobs", {"json": {"options": {"detial": 1}}}, "options.detial", "did you mean detail?"),
        (
            "/v1/jobs",
            {"json": {"cost_center": "?"}},
            "cost_center",
            "cost_center is '?'; give letters, digits, spaces and",
        ),
        ("/v1/jobs", {"json": {"cost_centre": "?"}}, "cost_centre", "did you mean cost_center?"),
        ("/v1/jobs", {"json": {"name": "../x"}}, "name", "name is '../x'; give letters"),
        ("/v1/jobs", {"json": {"priority": "high"}}, "priority", "priority is 'high'; give a whole number"),
        (
            "/v1/jobs",
            {"json": {"words": {"subject": "an owl"}}},
            "",
            "its provider is not set up; send a picture",
        ),
        ("/v1/keys", {"json": {"name": ""}}, "name", "name is empty; give it"),
        ("/v1/keys", {"json": {"name": "x", "days": 0}}, "days", "days is 0; give more than 0"),
        ("/v1/keys", {"json": {"name": "x", "scopes": ["fly"]}}, "scopes.0", "choose from 'read' or 'write'"),
        (
            "/v1/jobs/upload",
            {"files": FILE, "data": {"options": "[]"}},
            "options",
            "options is a list; give an object",
        ),
        ("/v1/jobs/upload", {"files": FILE, "data": {"options": "{"}}, "options", "send an object such as"),
        (
            "/v1/jobs/upload",
            {"files": FILE, "data": {"options": '{"detail":5}'}},
            "options.detail",
            "detail is 5; give a text",
        ),
        (
            "/v1/jobs/upload",
            {"files": FILE, "data": {"cost_centre": "x"}},
            "cost_centre",
            "did you mean cost_center?",
        ),
        (
            "/v1/jobs/upload",
            {"files": FILE, "data": {"view": ["front", "back"]}},
            "view",
            "1 picture came with 2 views",
        ),
        (
            "/v1/jobs/upload",
            {"data": {"picture": "a.png"}},
            "picture.0",
            "picture must be a file; with curl:",
        ),
    ],
    ids=lambda each: str(each)[:60],
)
def test_a_wrong_request_is_told_what_to_give(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str, words: dict[str, Any], field: str, said: str
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    answer = house.call("POST", path, **words)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "BadInput", field), problem
    assert said in problem["detail"]
    for word in ("AssetOptions", "JobRequest", "instance", "Traceback", "GEMINI"):
        assert word not in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "words", "status", "code", "said"),
    [
        ("GET", "/nowhere", {}, 404, "NotThere", "/openapi.json lists what there is"),
        ("GET", "/v1/jobs/", {}, 404, "NotThere", "/openapi.json lists what there is"),
        ("PUT", "/v1/jobs", {}, 405, "MethodNotAllowed", "it takes GET, POST"),
        (
            "POST",
            "/v1/jobs/upload",
            {"headers": {"Content-Type": "multipart/form-data"}},
            400,
            "BadInput",
            "Missing boundary",
        ),
        (
            "POST",
            "/v1/jobs",
            {"content": b'{"a": "\xff"}', "headers": {"Content-Type": "application/json"}},
            400,
            "BadInput",
            "no JSON in UTF-8",
        ),
        ("POST", "/v1/jobs", {"content": b"x" * 3_000_000}, 413, "BadInput", "the body has more than 2 MiB"),
        (
            "POST",
            "/v1/jobs",
            {"content": iter([b"x" * 1_500_000] * 2), "headers": {"Content-Type": "application/json"}},
            413,
            "BadInput",
            "the body has more than 2 MiB",
        ),
    ],
    ids=["unknown", "slash", "method", "boundary", "bytes", "length", "stream"],
)
def test_what_the_framework_refuses_is_a_problem_too(
    house: House, method: str, path: str, words: dict[str, Any], status: int, code: str, said: str
) -> None:
    settings = house.settings.model_copy(update={"max_upload_mb": 1, "max_pictures": 1})
    from fastapi.testclient import TestClient

    from slipcast.service.api.app import create_app

    house.client = TestClient(create_app(settings, house.database, house.store, house.metrics))
    answer = house.call(method, path, **words)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert said in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    if status == 405:
        assert answer.headers["allow"] == "GET, POST"


def test_a_bug_is_a_bare_problem_with_the_request_s_id(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret /path")

    monkeypatch.setattr(house.database, "read", broken)
    answer = house.call("GET", "/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (500, "Unexpected")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in json.dumps(answer.json())


def test_days_in_the_wrong_order_are_told(house: House) -> None:
    answer = house.call("GET", "/v1/usage", params={"since": "2026-12-01", "until": "2026-11-01"})
    assert (answer.status_code, answer.json()["field"]) == (422, "until")
