"""The queue: fair order, fencing, leases without clocks, attempts, cancelling."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import new_url

from slipcast.core.errors import BadInput
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import upgrade
from slipcast.service.database.tables import job, job_event
from slipcast.service.jobs import queue
from slipcast.service.jobs.states import STEPS, State, check_step
from slipcast.service.tenants import create_tenant


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(new_url(tmp_path))
    upgrade(made)
    return made


def add(database: Database, tenant_id: str, count: int = 1, **values: object) -> list[str]:
    ids = [queue.new_id("job") for _ in range(count)]
    with database.write() as connection:
        for id in ids:
            row = {"kind": "convert", "state": "queued", "name": "x", "order": {}, "created_at": time.time()}
            connection.execute(sa.insert(job).values(id=id, tenant_id=tenant_id, **{**row, **values}))
    return ids


def make(database: Database, name: str, **limits: object) -> str:
    with database.write() as connection:
        return create_tenant(connection, name, **{"max_running": 1000, **limits})


def state_of(database: Database, id: str) -> str:
    with database.read() as connection:
        return str(connection.scalar(sa.select(job.c.state).where(job.c.id == id)))


@settings(deadline=None)  # a busy machine is no fault
@given(st.sampled_from(list(State)), st.sampled_from(list(State)))
def test_only_the_listed_steps_are_taken(before: State, after: State) -> None:
    if after in STEPS[before]:
        check_step(before, after)
    else:
        with pytest.raises(BadInput, match="cannot become"):
            check_step(before, after)


def test_a_tenant_with_thousands_does_not_make_another_wait(database: Database) -> None:
    many, few = make(database, "many"), make(database, "few")
    add(database, many, 200)
    for _ in range(20):
        assert queue.claim(database, "w")
    add(database, few, 10)
    order = [claimed.row["tenant_id"] for _ in range(24) if (claimed := queue.claim(database, "w"))]
    assert order[:20].count(few) == 10, "every second place is its own"
    assert order[20:] == [many] * 4


def test_a_weight_of_three_is_three_places_of_four(database: Database) -> None:
    heavy, light = make(database, "heavy", weight=3), make(database, "light")
    add(database, heavy, 60)
    add(database, light, 60)
    order = [claimed.row["tenant_id"] for _ in range(40) if (claimed := queue.claim(database, "w"))]
    assert 29 <= order.count(heavy) <= 31


def test_who_was_away_gets_no_more_than_its_share(database: Database) -> None:
    here, away = make(database, "here"), make(database, "away")
    add(database, here, 100)
    for _ in range(50):
        queue.claim(database, "w")
    add(database, away, 50)
    order = [claimed.row["tenant_id"] for _ in range(40) if (claimed := queue.claim(database, "w"))]
    assert 19 <= order.count(away) <= 21


def test_priority_counts_within_a_tenant(database: Database) -> None:
    one = make(database, "one")
    low, high, middle = (
        *add(database, one),
        *add(database, one, priority=5),
        *add(database, one, priority=1),
    )
    found = [claimed.id for _ in range(3) if (claimed := queue.claim(database, "w"))]
    assert found == [high, middle, low]


def test_no_more_run_than_the_tenant_may(database: Database) -> None:
    one = make(database, "one", max_running=2)
    add(database, one, 3)
    first = queue.claim(database, "w")
    assert first
    assert queue.claim(database, "w")
    assert queue.claim(database, "w") is None
    with database.write() as connection:
        assert queue.end(connection, first, State.SUCCEEDED, result={})
    assert queue.claim(database, "w")


def test_a_late_worker_changes_nothing(database: Database) -> None:
    one = make(database, "one")
    (id,) = add(database, one)
    late = queue.claim(database, "slow")
    assert late
    assert queue.give_back_all(database, "slow", "it died") == 1
    new = queue.claim(database, "quick")
    assert new
    assert (new.id, new.attempt) == (id, late.attempt + 1)
    assert queue.beat(database, late) is None
    assert not queue.tell_progress(database, late, [("depth", 10, 0.0)])
    with database.write() as connection:
        assert queue.end(connection, late, State.SUCCEEDED, result={"who": "late"}) is None
        assert queue.give_back(connection, late, "no") is None
    with database.write() as connection:
        ended = queue.end(connection, new, State.SUCCEEDED, result={"who": "new"})
    assert ended
    assert ended["result"] == {"who": "new"}


def test_a_silent_worker_loses_its_job_and_a_beating_one_does_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make(database, "one")
    silent, alive = add(database, one, 2)
    claims = {claimed.id: claimed for _ in range(2) if (claimed := queue.claim(database, "w"))}
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reaper = queue.Reaper(database, lease_s=10)
    for _ in range(4):
        assert reaper.reap() == 0
        now[0] += 3
        queue.beat(database, claims[alive])
    assert reaper.reap() == 1
    assert (state_of(database, silent), state_of(database, alive)) == ("queued", "running")


@pytest.mark.parametrize("jump_s", [-86400.0, 86400.0])
def test_a_jump_of_the_clock_ends_no_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    one = make(database, "one")
    (id,) = add(database, one)
    claimed = queue.claim(database, "w")
    assert claimed
    reaper = queue.Reaper(database, lease_s=10)
    reaper.reap()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    assert reaper.reap() == 0
    assert state_of(database, id) == "running"
    with database.write() as connection:
        assert queue.end(connection, claimed, State.SUCCEEDED, result={})


def test_a_job_that_kills_its_workers_is_set_aside(database: Database) -> None:
    one = make(database, "one")
    (id,) = add(database, one, max_attempts=3)
    for number in range(3):
        assert queue.claim(database, f"w{number}")
        queue.give_back_all(database, f"w{number}", "its worker died")
    assert queue.claim(database, "w") is None
    with database.read() as connection:
        row = connection.execute(sa.select(job).where(job.c.id == id)).one()
    assert (row.state, row.poison, row.error["code"]) == ("failed", True, "Poison")
    assert "3 attempts" in row.error["message"]


def test_a_drained_attempt_does_not_count(database: Database) -> None:
    one = make(database, "one")
    add(database, one, max_attempts=1)
    claimed = queue.claim(database, "w")
    assert claimed
    with database.write() as connection:
        assert queue.give_back(connection, claimed, "drained", counts=False) is State.QUEUED
    assert queue.claim(database, "w")


def test_cancelling(database: Database) -> None:
    one = make(database, "one")
    waiting, running = add(database, one), add(database, one, priority=1)
    claimed = queue.claim(database, "w")
    assert claimed
    with database.write() as connection:
        assert queue.cancel(connection, waiting[0]) is State.CANCELLED
        assert queue.cancel(connection, running[0]) is State.RUNNING
        assert queue.cancel(connection, waiting[0]) is None
    assert queue.beat(database, claimed) is True
    assert queue.give_back_all(database, "w", "it died") == 1
    assert state_of(database, running[0]) == "cancelled", "the wish outlives the worker"


def test_events_are_numbered_without_gaps(database: Database) -> None:
    one = make(database, "one")
    (id,) = add(database, one, seq=1)
    claimed = queue.claim(database, "w")
    assert claimed
    queue.tell_progress(database, claimed, [("cutout", 0, 0.0), ("cutout", 11, 0.5)])
    queue.tell_progress(database, claimed, [("depth", 11, 0.0)])
    with database.write() as connection:
        queue.end(connection, claimed, State.FAILED, error={"code": "BadInput", "message": "no"})
    with database.read() as connection:
        rows = connection.execute(
            sa.select(job_event.c.seq, job_event.c.kind).where(job_event.c.job_id == id).order_by("seq")
        ).all()
    assert [tuple(row) for row in rows] == [
        (2, "running"),
        (3, "progress"),
        (4, "progress"),
        (5, "progress"),
        (6, "failed"),
    ]
