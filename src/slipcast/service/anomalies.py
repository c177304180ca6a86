"""Is something odd now? Error rate and time of the last quarter of an hour against the day before it."""

import math
import statistics
import time
from typing import Any

import sqlalchemy as sa

from slipcast.service.database.tables import job
from slipcast.service.jobs.states import State

NOW_S, DAY_S = 900.0, 86400.0
_LEAST = 5
"""Fewer jobs say nothing."""
_Z = 3.0


def find_anomalies(connection: sa.Connection, *, now: float | None = None) -> list[dict[str, Any]]:
    """What is out of line, each with what is usual; nothing where there is too little to go by."""
    now = time.time() if now is None else now
    rows = connection.execute(
        sa.select(job.c.kind, job.c.state, job.c.started_at, job.c.finished_at).where(
            job.c.finished_at > now - DAY_S, job.c.state.in_((State.SUCCEEDED, State.FAILED))
        )
    ).all()
    found: list[dict[str, Any]] = []
    for kind in sorted({row.kind for row in rows}):
        mine = [row for row in rows if row.kind == kind]
        late = [row for row in mine if row.finished_at > now - NOW_S]
        usual = [row for row in mine if row.finished_at <= now - NOW_S]
        if len(late) < _LEAST or len(usual) < 4 * _LEAST:
            continue
        rate, before = _rate(late), _rate(usual)
        spread = math.sqrt(max(before * (1 - before), 0.01) / len(late))
        if rate > before + _Z * spread:
            found.append(
                {"what": "error rate", "kind": kind, "now": round(rate, 4), "usual": round(before, 4)}
            )
        quick, day = _seconds(late), _seconds(usual)
        if len(quick) >= _LEAST and len(day) >= _LEAST:
            p95 = sorted(day)[int(0.95 * (len(day) - 1))]
            if statistics.median(quick) > 1.5 * p95:
                now_s = round(statistics.median(quick), 2)
                found.append({"what": "time of a job", "kind": kind, "now": now_s, "usual": round(p95, 2)})
    return found


def _rate(rows: list[Any]) -> float:
    return float(sum(row.state == State.FAILED for row in rows) / len(rows))


def _seconds(rows: list[Any]) -> list[float]:
    return [
        row.finished_at - row.started_at for row in rows if row.state == State.SUCCEEDED and row.started_at
    ]
