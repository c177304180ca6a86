"""Whether, and after what pause, a failed call is made again.

The pauses grow by `factor` with full jitter, since many workers that fail together must not come back
together; a server's RetryInfo is kept to (plus a little jitter, never less). What can never succeed is not
repeated, and what may have been paid for is repeated less often than what certainly was not.
"""

import random
import time
from dataclasses import dataclass

from tenacity import RetryCallState

from slipcast.core.options import check, real, whole
from slipcast.generate.request import Again, Billed, CallFailed


@dataclass(frozen=True, kw_only=True)
class RetryOptions:
    """How often and how long a picture is asked for.

    >>> RetryOptions(attempts=2).attempts
    2
    """

    attempts: int = 6
    """Calls for one picture at most, the first included; waits that the server ordered do not count."""
    paid_attempts: int = 2
    """Of these, calls that may have been paid for without bringing a picture."""
    first_wait_s: float = 1.0
    """The first pause is drawn from half of this to this."""
    factor: float = 2.0
    """By which the next one is longer."""
    longest_wait_s: float = 60.0
    """The longest pause of ours."""
    patience_s: float = 900.0
    """Wall-clock limit for one picture, all waiting included."""

    def __post_init__(self) -> None:
        check(
            self,
            attempts=whole(1, 1000, example=6),
            paid_attempts=whole(1, 1000, example=2),
            first_wait_s=real(0, 3600, example=1, unit="seconds"),
            factor=real(1, 100, example=2),
            longest_wait_s=real(0, 86_400, example=60, unit="seconds"),
            patience_s=real(0.001, 604_800, example=900, unit="seconds"),
        )


class RetryPlan:
    """The decisions for one picture; give its methods to tenacity."""

    def __init__(self, options: RetryOptions) -> None:
        self.options = options
        self.attempts = 0
        self.paid = 0
        self.last: CallFailed | None = None
        """The failure that was last decided about."""
        self._begun = time.monotonic()

    @property
    def left_s(self) -> float:
        """Seconds until patience ends."""
        return self.options.patience_s - (time.monotonic() - self._begun)

    def again(self, problem: BaseException) -> bool:
        """Whether to go on after `problem`; counts it."""
        if not isinstance(problem, CallFailed):
            return False
        self.last = problem
        if problem.billed is not Billed.NO:
            self.paid += 1
        if problem.again is Again.NEVER or problem.wait_s > self.left_s:
            return False
        if problem.again is Again.BACKOFF:
            self.attempts += 1
        return self.attempts < self.options.attempts and self.paid < self.options.paid_attempts

    def pause_s(self, state: RetryCallState) -> float:
        """The pause before the next call. What the server ordered is kept by `Limits.pause`, for everybody."""
        problem = state.outcome.exception() if state.outcome else None
        if isinstance(problem, CallFailed) and problem.again is Again.AFTER:
            return random.uniform(0.0, min(0.25, problem.wait_s))
        o = self.options
        longest = min(o.longest_wait_s, o.first_wait_s * o.factor ** max(0, self.attempts - 1))
        return random.uniform(longest / 2, longest)
