"""How often a key may ask: one count for all API processes."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from serving import new_url

from slipcast.service.api import limits
from slipcast.service.api.limits import Limits
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import upgrade
from slipcast.service.database.tables import rate


class Clock:
    """The time of day, set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_010.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    return made


def let_through(all_: list[Limits], per_minute: int, tries: int) -> int:
    return sum(all_[k % len(all_)].wait_s("key", per_minute) == 0 for k in range(tries))


@pytest.fixture
def three(tmp_path: Path) -> list[Limits]:
    """Three API processes on one database."""
    database = Database(new_url(tmp_path))
    upgrade(database)
    return [Limits(Database(database.url)) for _ in range(3)]


@pytest.mark.parametrize("per_minute", [1, 7, 40, 1200])
def test_processes_share_one_limit(three: list[Limits], clock: Clock, per_minute: int) -> None:
    assert let_through(three, per_minute, 3 * per_minute + 30) == per_minute
    assert three[0].wait_s("key", per_minute) == pytest.approx(60 - clock.now % 60)
    assert three[0].wait_s("another key", per_minute) == 0
    clock.now += 60
    assert let_through(three, per_minute, 3 * per_minute + 30) == per_minute


def test_one_process_writes_once_for_a_twentieth(three: list[Limits], clock: Clock) -> None:
    writes = []
    sa.event.listen(three[0]._database.engine, "begin", lambda connection: writes.append(connection))
    assert let_through(three[:1], 1200, 1200) == 1200
    assert len(writes) == 20
    assert let_through(three[:1], 1200, 500) == 0
    assert len(writes) == 21, "who was refused does not ask again in that minute"


def test_threads_get_no_more_than_the_limit(three: list[Limits], clock: Clock) -> None:
    passed: list[int] = []

    def ask() -> None:
        passed.append(let_through(three, 100, 60))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 100


def test_a_clock_that_is_set_back_shuts_nobody_out(three: list[Limits], clock: Clock) -> None:
    assert let_through(three, 10, 30) == 10
    clock.now -= 3600
    assert let_through(three, 10, 30) == 10
    clock.now -= 60
    assert let_through(three, 10, 30) == 0, "a minute is within what two machines' clocks may differ"
    with three[0]._database.read() as connection:
        assert len(connection.execute(sa.select(rate)).all()) == 1
