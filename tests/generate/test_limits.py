"""Limits, priorities, pauses, the circuit breaker and the retry plan."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipcast.core.errors import BadInput, ProviderError
from slipcast.generate.request import Again, Billed, CallFailed
from slipcast.generate.traffic.breaker import Breaker, BreakerOptions
from slipcast.generate.traffic.limits import GUARD_S, LimitOptions, Limits
from slipcast.generate.traffic.retry import RetryOptions, RetryPlan

M = "gemini-nano-banana-2.1"


@pytest.fixture
def opened() -> Iterator[list[Limits]]:
    """Limits to be closed at the end."""
    limits: list[Limits] = []
    yield limits
    for each in limits:
        each.close()


def make(opened: list[Limits], folder: Path, **options: float | int | str) -> Limits:
    limits = Limits(folder, LimitOptions(**options))  # type: ignore[arg-type]
    opened.append(limits)
    return limits


def most_in(times: list[float], window_s: float) -> int:
    """The most entries in any window."""
    times = sorted(times)
    return max(sum(1 for other in times if 0 <= other - begin < window_s) for begin in times)


async def take(limits: Limits, priority: int = 0, patience_s: float = 30.0) -> float:
    await limits.acquire(M, priority=priority, patience_s=patience_s, tell=lambda wait_s, reason: None)
    return time.time()


def test_without_limits_nobody_waits(opened: list[Limits], tmp_path: Path) -> None:
    limits = make(opened, tmp_path)

    async def run() -> float:
        return sum([await limits.acquire(M, patience_s=1, tell=lambda *_: None) for _ in range(50)])

    assert asyncio.run(run()) == 0


@pytest.mark.parametrize("name", ["requests_per_minute", "pictures_per_minute"])
def test_a_minute_holds_its_number(opened: list[Limits], tmp_path: Path, name: str) -> None:
    limits = make(opened, tmp_path, minute_s=0.4, **{name: 5})

    async def run() -> list[float]:
        return await asyncio.gather(*(take(limits) for _ in range(12)))

    times = asyncio.run(run())
    assert most_in(times, 0.4) <= 5
    assert max(times) - min(times) >= 2 * 0.4


def test_the_day_counts_too(opened: list[Limits], tmp_path: Path) -> None:
    limits = make(opened, tmp_path, requests_per_minute=100, requests_per_day=3)

    async def run() -> None:
        for _ in range(3):
            await take(limits)
        with pytest.raises(TimeoutError, match="quota of 3"):
            await take(limits, patience_s=1)

    asyncio.run(run())


def test_the_stricter_of_two_limits_wins(opened: list[Limits], tmp_path: Path) -> None:
    limits = make(opened, tmp_path, requests_per_minute=50, pictures_per_minute=2)

    async def run() -> None:
        await take(limits)
        await take(limits)
        with pytest.raises(TimeoutError, match="quota of 2"):
            await take(limits, patience_s=1)

    asyncio.run(run())


def test_the_count_outlives_the_process_and_is_kept_per_project(opened: list[Limits], tmp_path: Path) -> None:
    options = {"requests_per_minute": 2}
    asyncio.run(take(make(opened, tmp_path, **options)))
    again = make(opened, tmp_path, **options)
    other = make(opened, tmp_path, project="other", **options)

    async def run() -> None:
        await take(again)
        with pytest.raises(TimeoutError):
            await take(again, patience_s=0.2)
        await take(other)

    asyncio.run(run())


def test_processes_share_one_count(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, time; from pathlib import Path; from slipcast.generate.traffic.limits import *\n"
        "limits = Limits(Path(sys.argv[1]), LimitOptions(requests_per_minute=6, minute_s=0.8))\n"
        "async def run():\n"
        "    for _ in range(6):\n"
        "        await limits.acquire('m', patience_s=30, tell=lambda *_: None); print(time.time(), flush=True)\n"
        "asyncio.run(run()); limits.close()"
    )
    commands = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    times = [float(line) for command in commands for line in command.communicate(timeout=60)[0].split()]
    assert [command.returncode for command in commands] == [0, 0, 0]
    assert len(times) == 18
    assert most_in(times, 0.8) <= 6


def test_higher_priority_goes_first(opened: list[Limits], tmp_path: Path) -> None:
    both = [
        make(opened, tmp_path, requests_per_minute=1, minute_s=0.05) for _ in range(2)
    ]  # as two processes have
    limits = both[0]
    order: list[int] = []

    async def one(priority: int) -> None:
        await take(both[priority % 2], priority)
        order.append(priority)

    async def run() -> None:
        await take(limits)
        tasks = []
        for priority in (0, 0, 5, 8):
            tasks.append(asyncio.create_task(one(priority)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert order == [8, 5, 0, 0]


def test_a_pause_holds_everybody_and_the_longest_counts(opened: list[Limits], tmp_path: Path) -> None:
    mine, other = make(opened, tmp_path), make(opened, tmp_path)
    begun = time.time()
    mine.pause(M, 0.4, "as the server said")
    mine.pause(M, 0.1, "shorter")
    told: list[tuple[float, str]] = []

    async def run() -> float:
        return await other.acquire(M, patience_s=5, tell=lambda wait_s, reason: told.append((wait_s, reason)))

    assert asyncio.run(run()) > 0.2
    assert time.time() - begun >= 0.4
    assert told[0][1] == "as the server said"


def test_a_waiter_that_is_gone_blocks_nobody(opened: list[Limits], tmp_path: Path) -> None:
    limits = make(opened, tmp_path, requests_per_minute=1, minute_s=0.05)

    async def run() -> None:
        await take(limits)
        task = asyncio.create_task(take(limits, 9))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await take(limits, patience_s=5)

    asyncio.run(run())


def test_limits_must_be_positive() -> None:
    with pytest.raises(BadInput, match="requests_per_minute is 0"):
        LimitOptions(requests_per_minute=0)
    assert GUARD_S > 0


def sick() -> CallFailed:
    return CallFailed(ProviderError("overloaded"), again=Again.BACKOFF, sick=True)


def test_the_breaker_opens_after_a_row_of_failures_and_closes_again() -> None:
    breaker = Breaker(BreakerOptions(failures=3, rest_s=0.15))

    async def call(problem: CallFailed | None) -> None:
        try:
            async with breaker.guard("x"):
                if problem:
                    raise problem
        except CallFailed:
            pass

    async def run() -> None:
        await call(sick())
        await call(sick())
        await call(None)  # health in between: the row begins anew
        await call(sick())
        await call(sick())
        assert await breaker.rest_s("x") == 0
        await call(CallFailed(ProviderError("wrong key")))  # an answer of a healthy service
        assert await breaker.rest_s("x") == 0
        for _ in range(3):
            await call(sick())
        assert 0 < await breaker.rest_s("x") < 0.3
        assert await breaker.rest_s("y") == 0
        await asyncio.sleep(await breaker.rest_s("x"))
        assert await breaker.rest_s("x") == 0
        await call(sick())  # still sick: one failure is enough now
        assert await breaker.rest_s("x") > 0
        await asyncio.sleep(await breaker.rest_s("x"))
        await call(None)
        await call(sick())
        assert await breaker.rest_s("x") == 0

    asyncio.run(run())


def test_hopeless_calls_are_not_repeated_and_waits_do_not_count() -> None:
    plan = RetryPlan(RetryOptions(attempts=3))
    assert not plan.again(CallFailed(ProviderError("key")))
    assert not plan.again(ValueError())
    for _ in range(20):
        assert plan.again(CallFailed(ProviderError("quota"), again=Again.AFTER, wait_s=7))
    assert plan.again(sick())
    assert plan.again(sick())
    assert not plan.again(sick())


def test_what_may_have_been_paid_for_is_repeated_once() -> None:
    plan = RetryPlan(RetryOptions(attempts=9))
    lost = CallFailed(ProviderError("broke off"), again=Again.BACKOFF, billed=Billed.MAYBE)
    assert plan.again(lost)
    assert plan.again(sick())
    assert not plan.again(lost)


def test_nobody_waits_longer_than_patience() -> None:
    plan = RetryPlan(RetryOptions(patience_s=10))
    assert plan.again(CallFailed(ProviderError("quota"), again=Again.AFTER, wait_s=7))
    assert not plan.again(CallFailed(ProviderError("quota"), again=Again.AFTER, wait_s=11))
