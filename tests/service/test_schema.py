"""schemathesis: whatever the OpenAPI says may be sent is answered as it says, and never by a 500."""

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from serving import House

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
LEFT_OUT = re.compile(r"(/events|/stream)$")
"""Streams end with their job: tests/service/test_jobs.py reads them."""


def attack(operation: APIOperation[Any, Any, Any, Any], headers: dict[str, str]) -> None:
    """Send a few requests that the schema allows and look at the answers."""

    @settings(
        max_examples=2,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def send(case: Case[Any]) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    send()


def test_every_route_answers_as_it_says(house: House) -> None:
    house.tenant("tester", scopes=("read", "write", "admin", "metrics"), requests_per_minute=1_000_000)
    house.tenant("victim")
    headers = {"Authorization": f"Bearer {house.keys['tester']}"}
    schema = openapi.from_asgi("/openapi.json", house.client.app)
    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if LEFT_OUT.search(operation.path):
            continue
        attack(operation, headers)
        tried += 1
    assert tried > 40
