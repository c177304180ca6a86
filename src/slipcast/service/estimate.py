"""What a job will take: time from what this service measured itself, money from the price table."""

import statistics
import time
from typing import Any

import sqlalchemy as sa

from slipcast.service.database.engine import Database
from slipcast.service.database.tables import job, worker
from slipcast.service.jobs.options import AssetOptions, Words
from slipcast.service.jobs.states import State
from slipcast.service.metrics import ALIVE_S
from slipcast.service.settings import Settings

_LAST = 50
_ENOUGH = 3


def estimate_job(
    database: Database, settings: Settings, tenant_id: str, options: AssetOptions, words: Words | None
) -> dict[str, Any]:
    """JSON-ready; `seconds` is null and `basis` says «not measured yet» before there is anything to go by."""
    with database.read() as connection:
        recent = (
            sa.select(job.c.result, job.c.order)
            .where(
                job.c.state == State.SUCCEEDED,
                job.c.kind == ("make" if words else "convert"),
                job.c.tenant_id == tenant_id,
            )
            .order_by(job.c.id.desc())
            .limit(4 * _LAST)
        )
        taken = [
            float(row.result["total_s"])
            for row in connection.execute(recent)
            if row.result.get("total_s") and _alike(row.order.get("options", {}), options)
        ][:_LAST]
        alive = connection.scalar(sa.select(sa.func.count()).where(worker.c.seen_at > time.time() - ALIVE_S))
        waiting = connection.scalar(
            sa.select(sa.func.count()).where(job.c.tenant_id == tenant_id, job.c.state == State.QUEUED)
        )
    seconds = round(statistics.median(taken), 1) if len(taken) >= _ENOUGH else None
    queue_s = round(seconds * int(waiting or 0) / max(int(alive or 0), 1), 1) if seconds is not None else None
    usd = 0.0
    if words is not None:
        from slipcast.service.worker.buy import most_usd

        usd = round(most_usd(words, settings), 6)
    return {
        "seconds": seconds,
        "queue_seconds": queue_s,
        "basis": f"the median of {len(taken)} jobs of yours like it"
        if seconds is not None
        else "not measured yet",
        "usd_at_most": usd,
        "workers": int(alive or 0),
    }


def _alike(before: dict[str, Any], options: AssetOptions) -> bool:
    """What the time hangs on."""
    now = options.model_dump()
    return all(before.get(key) == now[key] for key in ("depth", "detail", "report")) and (
        0.5 <= float(before.get("faces", 0)) / options.faces <= 2
    )
