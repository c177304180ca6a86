"""When the service itself is in trouble, asking stops for a while: a circuit breaker (purgatory's) per
endpoint.

After `failures` failures of the service in a row the circuit opens; for `rest_s` no call is sent. Then
calls go again, and the first failure opens it anew. Refusals, quota and wrong requests are answers of a
healthy service and count as success. The breaker is this process's own: other processes find out by
themselves, with few calls.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipcast.core.options import check, real, whole
from slipcast.generate.request import CallFailed

if TYPE_CHECKING:
    from purgatory import AsyncCircuitBreakerFactory


@dataclass(frozen=True, kw_only=True)
class BreakerOptions:
    """When a service that fails is left alone, and how long.

    >>> BreakerOptions(failures=3).failures
    3
    """

    failures: int = 8
    """So many failures of the service in a row open the circuit."""
    rest_s: float = 30.0
    """So long nothing is sent."""

    def __post_init__(self) -> None:
        check(
            self,
            failures=whole(1, 10_000, example=8),
            rest_s=real(0.001, 86_400, example=30, unit="seconds"),
        )


class Breaker:
    """One circuit per name."""

    def __init__(self, options: BreakerOptions | None = None) -> None:
        self.options = options or BreakerOptions()
        self._circuits: AsyncCircuitBreakerFactory | None = None

    async def rest_s(self, name: str) -> float:
        """Seconds until the circuit `name` lets calls through again; 0 when it does."""
        circuit = await self._all().get_breaker(name)
        opened = circuit.context.opened_at if circuit.context.state == "opened" else None
        return 0.0 if opened is None else max(0.0, opened + self.options.rest_s - time.time() + 0.01)

    @asynccontextmanager
    async def guard(self, name: str) -> AsyncIterator[None]:
        """Around one call: its CallFailed with `sick` counts as the service's failure, all else as health."""
        circuit = await self._all().get_breaker(name, exclude=[(BaseException, _healthy)])
        async with circuit:
            yield

    def _all(self) -> "AsyncCircuitBreakerFactory":
        if self._circuits is None:
            from purgatory import AsyncCircuitBreakerFactory

            self._circuits = AsyncCircuitBreakerFactory(
                default_threshold=self.options.failures, default_ttl=self.options.rest_s
            )
        return self._circuits


def _healthy(problem: BaseException) -> bool:
    """Whether a failed call says nothing against the service's health."""
    return not (isinstance(problem, CallFailed) and problem.sick)
