"""The states of a job and the steps between them: nothing else changes a job's state.

queued ─► running ─► succeeded
  ▲  │      │ │ └──► failed        (its own fault, or its last attempt)
  │  │      │ └────► cancelled
  │  └──────┼──────► cancelled
  └─────────┘                      (its worker died, or something that may pass by itself)
"""

from enum import StrEnum

from slipcast.core.errors import BadInput


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


STEPS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.QUEUED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
FINAL = tuple(state for state, following in STEPS.items() if not following)
OPEN = tuple(state for state, following in STEPS.items() if following)


def check_step(before: State, after: State) -> None:
    """Raise BadInput when a job cannot go from `before` to `after`."""
    if after not in STEPS[before]:
        raise BadInput(f"a job that is {before} cannot become {after}")
