"""Limits that are reached: when waiting helps is said, and what is refused takes no room."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from serving import House, picture

from slipcast.service import money
from slipcast.service.database.tables import job
from slipcast.service.errors import LimitReached
from slipcast.service.tenants import for_tenant, set_limits

NOON = datetime(2026, 11, 30, 12, 0, 0, 500_000, UTC).timestamp()


def limit(house: House, **limits: object) -> None:
    with house.database.write() as connection:
        set_limits(connection, house.tenants["first"], **limits)


def stored(house: House) -> int:
    with house.database.read() as connection:
        return for_tenant(connection, house.tenants["first"]).stored_bytes()


def refused(house: House, side: int = 64) -> Any:
    files = {"picture": ("a.png", picture(side), "image/png")}
    answer = house.call("POST", "/v1/jobs/upload", files=files)
    assert (answer.status_code, answer.json()["code"]) == (429, "QuotaExceeded"), answer.text
    return answer


def test_a_day_s_quota_says_when_the_next_day_begins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOON)
    limit(house, jobs_per_day=1)
    house.send()
    assert refused(house).headers["retry-after"] == str(12 * 3600)
    limit(house, jobs_per_day=0)
    assert "retry-after" not in refused(house).headers, "waiting does not help"


def test_a_full_queue_says_the_pace_of_the_last_jobs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(house, max_queued=1)
    house.send()
    assert "retry-after" not in refused(house).headers, "nothing was measured yet"
    house.work()
    house.send()
    now = time.time()
    with house.database.write() as connection:
        connection.execute(sa.update(job).where(job.c.state == "succeeded").values(finished_at=now - 40))
    assert 40 <= int(refused(house).headers["retry-after"]) <= 45


@pytest.mark.parametrize(
    ("day", "month", "wait_s"),
    [(5, 100, 12 * 3600), (100, 5, 12 * 3600), (5, 5, 12 * 3600), (2, 100, None)],
)
def test_a_cost_limit_says_when_its_period_ends(
    house: House, monkeypatch: pytest.MonkeyPatch, day: int, month: int, wait_s: int | None
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOON)
    assert money.period_ends(NOON)["month"] - NOON == pytest.approx(12 * 3600, abs=1)
    limit(house, day_micro=day, month_micro=month)
    with house.database.write() as connection:
        scope = for_tenant(connection, house.tenants["first"])
        row = {"id": "job_1", "cost_center": ""}
        money.enter(scope, row, what="picture", micro=3, once="1")
        with pytest.raises(LimitReached) as told:
            money.check_caps(scope, 3, with_reserved=False)
    known = told.value.retry_s
    assert known == (None if wait_s is None else pytest.approx(wait_s, abs=1))


def test_results_count_and_a_refused_one_leaves_nothing(house: House) -> None:
    sent = house.send()
    limit(house, storage_bytes=stored(house) + 5)
    assert house.work() == 1
    ended = house.call("GET", f"/v1/jobs/{sent['id']}").json()
    assert (ended["state"], ended["error"]["code"]) == ("failed", "QuotaExceeded")
    assert "the result cannot be kept: the storage of" in ended["error"]["message"]
    assert [each["role"] for each in ended["files"]] == ["input"]
    assert len(list(house.store.stored())) == 1, "the picture alone"
    limit(house, storage_bytes=2**30)
    house.send()
    house.work()
    assert stored(house) == sum(size for _, _, size, _ in house.store.stored())


def test_used_up_storage_refuses_every_job_and_says_when_retention_helps(house: House) -> None:
    first = house.send()
    house.work()
    limit(house, storage_bytes=stored(house))
    before = {sha256 for _, sha256, _, _ in house.store.stored()}
    told = refused(house, side=80)
    assert 30 * 86400 <= int(told.headers["retry-after"]) <= 30 * 86400 + 3700
    assert {sha256 for _, sha256, _, _ in house.store.stored()} == before, "what was refused is not kept"
    small = house.call("POST", f"/v1/jobs/{first['id']}/exports", json={"formats": ["stl"]})
    assert small.status_code == 429, "it brings nothing, and its result would"
    assert "nothing is left" in small.json()["detail"]
    house.call("DELETE", f"/v1/jobs/{first['id']}")
    house.send()
    limit(house, storage_bytes=1)
    assert "retry-after" not in refused(house, side=80).headers, "an open job's picture never goes by itself"


def test_a_picture_that_is_there_already_needs_no_room_twice(house: House) -> None:
    house.send()
    limit(house, storage_bytes=stored(house) + 1)
    house.send()
