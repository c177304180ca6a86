"""Two tenants try to reach each other's everything, over every route that the OpenAPI knows."""

import re

import pytest
from serving import House

FILLED = {
    "job_id": "job",
    "batch_id": "batch",
    "name": "file",
    "hook_id": "hook",
    "delivery_id": "delivery",
    "key_id": "key",
    "tenant_id": "tenant",
    "token": "token",
    "task_id": "job",
}
OPEN = {"/health/live", "/health/ready", "/v1/links/{token}/{name}"}
"""Routes that need no key; a link is its own."""


@pytest.fixture
def owned(house: House) -> dict[str, str]:
    """Ids of one of each that the first tenant owns."""
    house.tenant("second")
    uri_job = house.send(headers={"Idempotency-Key": "k"})
    hook = house.call("POST", "/v1/webhooks", json={"url": "https://127.0.0.1/hook"})
    assert hook.status_code == 422, "private addresses are refused"
    import time

    import sqlalchemy as sa

    from slipcast.service.database.tables import delivery, webhook

    with house.database.write() as connection:
        mine = house.tenants["first"]
        row = {"id": "hook_1", "tenant_id": mine, "url": "https://example.com/", "secret": "whsec_x"}
        connection.execute(sa.insert(webhook).values(created_at=time.time(), **row))
    house.work()
    with house.database.read() as connection:
        message = str(connection.scalar(sa.select(delivery.c.id)))
    return {
        "job": uri_job["id"],
        "file": "knight.glb",
        "hook": "hook_1",
        "delivery": message,
        "key": house.call("GET", "/v1/keys").json()[0]["id"],
        "tenant": house.tenants["first"],
        "batch": "batch_1",
        "token": "x",
    }


def routes(house: House) -> list[tuple[str, str]]:
    paths = house.client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_no_route_is_forgotten(house: House) -> None:
    known = {name for _, path in routes(house) for name in re.findall(r"{(\w+)}", path)}
    assert known <= set(FILLED), f"say in FILLED what these are: {known - set(FILLED)}"
    assert len(routes(house)) > 30


def test_a_foreign_id_is_not_there(house: House, owned: dict[str, str]) -> None:
    tried = 0
    for method, path in routes(house):
        names = re.findall(r"{(\w+)}", path)
        if not names or path in OPEN:
            continue
        filled = re.sub(r"{(\w+)}", lambda found: owned[FILLED[found[1]]], path)
        answer = house.call(method, filled, who="second", json={"limits": {"weight": 9}, "name": "x"})
        expected = {403} if path.startswith("/v1/admin") else {404, 422}
        if answer.status_code == 422:  # the body was looked at first: once more with one that is good
            body = {} if "rotate" not in path else {"overlap_s": 1}
            answer = house.call(method, filled, who="second", json=body)
        assert answer.status_code in expected - {422}, f"{method} {path}: {answer.status_code} {answer.text}"
        tried += 1
    assert tried > 15
    assert house.call("GET", f"/v1/jobs/{owned['job']}").json()["state"] == "succeeded"
    assert len(house.call("GET", "/v1/webhooks").json()) == 1
    assert house.call("GET", "/v1/keys").json()[0]["revoked_at"] is None


def test_lists_hold_the_own_alone(house: House, owned: dict[str, str]) -> None:
    ids = [value for name, value in owned.items() if name in ("job", "hook", "delivery", "key", "tenant")]
    for method, path in routes(house):
        if method != "GET" or "{" in path or path in OPEN:
            continue
        answer = house.call("GET", path, who="second")
        if path.startswith("/v1/admin") or path == "/metrics":
            assert answer.status_code == 403, path
            continue
        assert answer.status_code == 200, f"{path}: {answer.text}"
        for id in ids:
            assert id not in answer.text, f"{path} shows {id}"


def test_nothing_works_without_a_key(house: House, owned: dict[str, str]) -> None:
    for method, path in routes(house):
        if path in OPEN:
            continue
        filled = re.sub(r"{(\w+)}", lambda found: owned[FILLED[found[1]]], path)
        for headers in ({}, {"Authorization": "Bearer sk_00000000_" + "x" * 43}, {"X-API-Key": "no"}):
            answer = house.client.request(method, filled, headers=headers, json={})
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_that_may_read_cannot_write(house: House) -> None:
    house.tenant("reader", scopes=("read",))
    for method, path in routes(house):
        if method == "GET" or path.startswith("/v1/admin") or path in OPEN:
            continue
        if path in ("/v1/estimates", "/v1/jobs/{job_id}/files/{name}/link"):
            continue  # they change nothing
        filled = re.sub(r"{(\w+)}", "x", path)
        answer = house.call(method, filled, who="reader", json={})
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
