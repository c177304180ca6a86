"""What tenants spend: caps that stop before, a ledger in which nothing is booked twice, alerts at 80 %.

A call to a provider is entered before it is sent, as an expense that is not sure yet, in the transaction that checks
the caps; the answer makes it sure, or takes it out. What never got an answer (a killed worker) stays and counts. All
amounts are this program's reckoning from the price table; the vendor's invoice decides.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from slipcast.service.database.tables import alert, job, ledger
from slipcast.service.errors import LimitReached
from slipcast.service.jobs.queue import Row
from slipcast.service.jobs.states import OPEN
from slipcast.service.tenants import Scope

MICRO = 1_000_000
ALERT_SHARE = 0.8
_DAY_S: sa.ColumnElement[float] = sa.literal_column("86400.0")
"""Not a parameter: PostgreSQL would take the one in GROUP BY for another than that in SELECT."""


def micro_of(usd: float) -> int:
    """Dollars as millionths, rounded up: rather too much than too little."""
    return -int(-usd * MICRO // 1)


def period_starts(now: float) -> dict[str, float]:
    """When the day and the month (UTC) of `now` began."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"day": today.timestamp(), "month": today.replace(day=1).timestamp()}


def period_ends(now: float) -> dict[str, float]:
    """When the day and the month (UTC) of `now` end.

    >>> {name: datetime.fromtimestamp(end, UTC).isoformat() for name, end in period_ends(0.0).items()}
    {'day': '1970-01-02T00:00:00+00:00', 'month': '1970-02-01T00:00:00+00:00'}
    """
    starts = period_starts(now)
    later = datetime.fromtimestamp(starts["month"], UTC) + timedelta(days=32)
    return {"day": starts["day"] + 86400, "month": later.replace(day=1).timestamp()}


def spent(scope: Scope, since: float) -> int:
    """Millionths of a dollar that were spent, perhaps or for sure, since then."""
    total = sa.select(sa.func.coalesce(sa.func.sum(ledger.c.micro), 0)).where(
        ledger.c.tenant_id == scope.tenant_id, ledger.c.at >= since
    )
    return int(scope.connection.scalar(total) or 0)


def reserved(scope: Scope) -> int:
    """What the tenant's open jobs may still spend."""
    total = sa.select(sa.func.coalesce(sa.func.sum(job.c.reserved_micro), 0)).where(
        job.c.tenant_id == scope.tenant_id, job.c.state.in_(OPEN)
    )
    return int(scope.connection.scalar(total) or 0)


def check_caps(scope: Scope, micro: int, *, with_reserved: bool) -> list[str]:
    """Raise LimitReached when `micro` more would break a cap; the periods of which 80 % are spent then.

    The caller holds the tenant's row, so that two cannot spend the same money.
    """
    row, now, near = scope.row(lock=True), time.time(), []
    waiting = reserved(scope) if with_reserved else 0
    ends, broken = period_ends(now), []
    for period, since in period_starts(now).items():
        cap = int(row[f"{period}_micro"])
        used = spent(scope, since) + waiting
        if used + micro > cap:
            broken.append((period, used, cap))
        if used + micro >= ALERT_SHARE * cap:
            label = f"{period}:{datetime.fromtimestamp(since, UTC).date().isoformat()}"
            near.append(label)
    if broken:
        period, used, cap = broken[-1]  # the longer one: before it ends nothing passes
        helps = waiting + micro <= min(limit for _, _, limit in broken)
        cure = f"raise the limit or wait for the next {period}" if helps else "raise the limit"
        raise LimitReached(
            f"the cost limit of this {period} is used up: ${used / MICRO:.4f} of ${cap / MICRO:.2f} are spent or"
            f" reserved, this needs ${micro / MICRO:.4f} more; {cure}",
            retry_s=ends[period] - now if helps else None,
        )
    return near


def first_alerts(scope: Scope, periods: list[str]) -> list[str]:
    """Those of `periods` that the tenant was not told of yet, now noted as told."""
    told = []
    for period in periods:
        known = sa.select(alert.c.period).where(
            alert.c.tenant_id == scope.tenant_id, alert.c.period == period
        )
        if scope.connection.scalar(known) is None:
            scope.connection.execute(
                sa.insert(alert).values(tenant_id=scope.tenant_id, period=period, at=time.time())
            )
            told.append(period)
    return told


def enter(scope: Scope, row: Row, *, what: str, micro: int, once: str) -> None:
    """Book a call of the job `row` before it is sent: not sure yet."""
    scope.connection.execute(
        sa.insert(ledger).values(
            at=time.time(),
            tenant_id=scope.tenant_id,
            job_id=row["id"],
            cost_center=row["cost_center"],
            what=what,
            micro=micro,
            sure=False,
            detail={},
            once=once,
        )
    )


def settle(
    connection: sa.Connection, once: str, *, micro: int, sure: bool, detail: Mapping[str, object]
) -> None:
    """Complete an entry with what the call cost."""
    connection.execute(
        sa.update(ledger).where(ledger.c.once == once).values(micro=micro, sure=sure, detail=dict(detail))
    )


def usage(
    connection: sa.Connection, *, tenant_id: str = "", since: float = 0.0, until: float | None = None
) -> list[dict[str, object]]:
    """Sums by day, tenant, cost centre and what was bought, with the conversions of each day beside them."""
    day = sa.func.floor(ledger.c.at / _DAY_S)
    bought = (
        sa.select(
            day.label("day"),
            ledger.c.tenant_id,
            ledger.c.cost_center,
            ledger.c.what,
            sa.func.count().label("count"),
            sa.func.sum(ledger.c.micro).label("micro"),
            sa.func.sum(sa.case((ledger.c.sure, 0), else_=ledger.c.micro)).label("unsure"),
        )
        .where(ledger.c.at >= since, ledger.c.at < (until or time.time() + 1))
        .group_by(day, ledger.c.tenant_id, ledger.c.cost_center, ledger.c.what)
    )
    made_day = sa.func.floor(job.c.finished_at / _DAY_S)
    made = (
        sa.select(
            made_day.label("day"),
            job.c.tenant_id,
            job.c.cost_center,
            (sa.literal("job ") + job.c.kind + " " + job.c.state).label("what"),
            sa.func.count().label("count"),
            sa.literal(0).label("micro"),
            sa.literal(0).label("unsure"),
        )
        .where(job.c.finished_at >= since, job.c.finished_at < (until or time.time() + 1))
        .group_by(made_day, job.c.tenant_id, job.c.cost_center, job.c.kind, job.c.state)
    )
    if tenant_id:
        bought, made = (
            bought.where(ledger.c.tenant_id == tenant_id),
            made.where(job.c.tenant_id == tenant_id),
        )
    rows = [*connection.execute(bought).mappings(), *connection.execute(made).mappings()]
    shown = [
        {
            "day": datetime.fromtimestamp(float(row["day"]) * 86400, UTC).date().isoformat(),
            "tenant_id": row["tenant_id"],
            "cost_center": row["cost_center"],
            "what": row["what"],
            "count": int(row["count"]),
            "usd": int(row["micro"]) / MICRO,
            "unsure_usd": int(row["unsure"]) / MICRO,
        }
        for row in rows
    ]
    return sorted(shown, key=lambda row: (row["day"], row["tenant_id"], row["cost_center"], row["what"]))
