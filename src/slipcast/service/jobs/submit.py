"""A checked request -> a job in the queue: quotas, money and the Idempotency-Key, all in one transaction."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from slipcast.core.errors import BadInput
from slipcast.service import audit, money
from slipcast.service.database.tables import file, idempotency, job, job_event
from slipcast.service.errors import LimitReached
from slipcast.service.jobs.outbox import announce
from slipcast.service.jobs.queue import new_id
from slipcast.service.jobs.states import FINAL, State
from slipcast.service.storage import check_room
from slipcast.service.tenants import Scope

_LAST = 20
"""Jobs that say how quickly a tenant's jobs end."""


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A picture that is in the store already."""

    name: str
    view: str
    sha256: str
    bytes: int
    mime: str


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """What is to be done, checked."""

    kind: str
    name: str
    order: Mapping[str, Any]
    inputs: tuple[InputFile, ...] = ()
    priority: int = 0
    cost_center: str = ""
    parent_id: str | None = None
    batch_id: str | None = None
    reserve_micro: int = 0
    """What it may spend at most."""
    request_id: str = ""
    trace: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    """For the audit log: sums and ids, no prompts."""


class KeyReused(BadInput):
    """An Idempotency-Key came again with another request."""


def body_sum(*parts: object) -> str:
    """One sum for a request's content."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def answered(scope: Scope, key: str, body_sha256: str) -> list[str] | None:
    """The ids of the jobs that this key made before; None for a new key.

    Raises KeyReused when the request is another one.
    """
    query = sa.select(idempotency).where(idempotency.c.tenant_id == scope.tenant_id, idempotency.c.key == key)
    row = scope.connection.execute(query).first()
    if row is None:
        return None
    if row.body_sha256 != body_sha256:
        raise KeyReused("this Idempotency-Key was used for another request; take a new key")
    return [str(id) for id in row.answer]


def submit(
    scope: Scope,
    jobs: Sequence[NewJob],
    *,
    actor: str,
    max_attempts: int,
    key: str = "",
    body_sha256: str = "",
) -> list[str]:
    """Put jobs into the queue, all or none; returns their ids. With a `key` that came before, those of then.

    Raises LimitReached when a quota or a cost limit would be broken.
    """
    scope.row(lock=True)  # from here on nobody else counts for this tenant
    if key and (before := answered(scope, key, body_sha256)) is not None:
        return before
    _check_quotas(scope, jobs)
    micro = sum(each.reserve_micro for each in jobs)
    if micro:
        _tell_alerts(scope, money.check_caps(scope, micro, with_reserved=True))
    ids = [_insert(scope, each, actor=actor, max_attempts=max_attempts) for each in jobs]
    if key:
        scope.connection.execute(
            sa.insert(idempotency).values(
                tenant_id=scope.tenant_id,
                key=key,
                body_sha256=body_sha256,
                answer=ids,
                created_at=time.time(),
            )
        )
    return ids


def _check_quotas(scope: Scope, jobs: Sequence[NewJob]) -> None:
    row, connection, now = scope.row(), scope.connection, time.time()
    mine = sa.select(sa.func.count()).select_from(job).where(job.c.tenant_id == scope.tenant_id)
    day = money.period_starts(now)["day"]
    today = int(connection.scalar(mine.where(job.c.created_at >= day)) or 0)
    if today + len(jobs) > row["jobs_per_day"]:
        helps = len(jobs) <= row["jobs_per_day"]
        raise LimitReached(
            f"{today} jobs were sent today and {row['jobs_per_day']} may be; "
            f"{'wait for the next day (UTC)' if helps else 'send fewer at once, or have the limit raised'}",
            retry_s=money.period_ends(now)["day"] - now if helps else None,
        )
    contents = {each.sha256: each.bytes for new in jobs for each in new.inputs}
    check_room(scope, contents, needed=1)
    waiting = int(connection.scalar(mine.where(job.c.state == State.QUEUED)) or 0)
    over = waiting + len(jobs) - row["max_queued"]
    if over > 0:
        helps = len(jobs) <= row["max_queued"]
        raise LimitReached(
            f"{waiting} jobs wait already and {row['max_queued']} may; "
            f"{'send more when some are done' if helps else 'send fewer at once, or have the limit raised'}",
            retry_s=_done_in_s(scope, over, now) if helps else None,
        )


def _done_in_s(scope: Scope, count: int, now: float) -> float | None:
    """When so many of the tenant's jobs will have ended, at the pace of the last ones; None before there is one."""
    last = (
        sa.select(job.c.finished_at)
        .where(job.c.tenant_id == scope.tenant_id, job.c.state.in_(FINAL))
        .order_by(job.c.id.desc())
        .limit(_LAST)
    )
    ended = list(scope.connection.scalars(last))
    return count * max(now - min(ended), 1.0) / len(ended) if ended else None


def _insert(scope: Scope, new: NewJob, *, actor: str, max_attempts: int) -> str:
    id, now = new_id("job"), time.time()
    tenant_row = scope.row()
    chance = int(hashlib.sha256(id.encode()).hexdigest()[:8], 16) / 2**32
    canary = (
        new.kind in ("convert", "make") and bool(tenant_row["canary"]) and chance < tenant_row["canary_share"]
    )
    scope.connection.execute(
        sa.insert(job).values(
            id=id,
            tenant_id=scope.tenant_id,
            kind=new.kind,
            state=State.QUEUED,
            name=new.name,
            order=dict(new.order),
            parent_id=new.parent_id,
            batch_id=new.batch_id,
            cost_center=new.cost_center,
            priority=new.priority,
            variant="canary" if canary else "stable",
            max_attempts=max_attempts,
            created_at=now,
            seq=1,
            reserved_micro=new.reserve_micro,
            request_id=new.request_id,
            trace=new.trace,
        )
    )
    scope.connection.execute(
        sa.insert(job_event).values(
            job_id=id, seq=1, at=now, kind=State.QUEUED.value, data={"state": State.QUEUED.value}
        )
    )
    for each in new.inputs:
        scope.connection.execute(
            sa.insert(file).values(
                job_id=id,
                role="input",
                name=each.name,
                tenant_id=scope.tenant_id,
                sha256=each.sha256,
                bytes=each.bytes,
                mime=each.mime,
                created_at=now,
            )
        )
    detail = {"kind": new.kind, "pictures": [each.sha256 for each in new.inputs], **new.facts}
    audit.record(
        scope.connection, actor=actor, action="job.create", target=id, tenant=scope.tenant_id, detail=detail
    )
    return id


def _tell_alerts(scope: Scope, periods: list[str]) -> None:
    for period in money.first_alerts(scope, periods):
        audit.record(
            scope.connection, actor="service", action="money.alert", target=period, tenant=scope.tenant_id
        )
        announce(scope.connection, scope.tenant_id, "money.alert", {"period": period, "share": 0.8})
