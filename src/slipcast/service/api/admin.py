"""`/v1/admin`: all tenants, their limits, keys and spend; the queue; the audit log. Needs the scope admin."""

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse

from slipcast.service import audit, keys, money
from slipcast.service.anomalies import find_anomalies
from slipcast.service.api.account import check_days, seconds_of, usage_answer
from slipcast.service.api.auth import Admin, Parts
from slipcast.service.api.errors import RESPONSES
from slipcast.service.api.models import KeyRequest, LimitsRequest, TenantRequest
from slipcast.service.database.tables import job, tenant, worker
from slipcast.service.erase import erase_data
from slipcast.service.jobs.states import OPEN
from slipcast.service.metrics import ALIVE_S
from slipcast.service.tenants import create_tenant, find_tenant, for_tenant, set_limits

router = APIRouter(prefix="/v1/admin", tags=["admin"], responses=RESPONSES)
TenantId = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9_]+$")]


@router.get("/tenants")
def list_tenants(service: Parts, caller: Admin) -> list[dict[str, Any]]:
    """All tenants with limits and what they spent this month."""
    since = money.period_starts(time.time())["month"]
    with service.database.read() as connection:
        rows = connection.execute(sa.select(tenant).order_by(tenant.c.name)).mappings().all()
        shown = []
        for row in rows:
            scope = for_tenant(connection, row["id"])
            spent = money.spent(scope, since) / money.MICRO
            shown.append({**row, "usd_this_month": spent, "stored_bytes": scope.stored_bytes()})
    return shown


@router.post("/tenants", status_code=201)
def add_tenant(body: TenantRequest, service: Parts, caller: Admin) -> dict[str, Any]:
    """A new tenant; it has no key yet."""
    with service.database.write() as connection:
        id = create_tenant(connection, body.name, **body.limits)
        audit.record(connection, actor=caller.actor, action="tenant.create", target=id, tenant=id)
        return dict(find_tenant(connection, id))


@router.patch("/tenants/{tenant_id}")
def change_tenant(tenant_id: TenantId, body: LimitsRequest, service: Parts, caller: Admin) -> dict[str, Any]:
    """Change limits, region, canary; `active: false` refuses all its keys at once."""
    with service.database.write() as connection:
        tenant_id = find_tenant(connection, tenant_id)["id"]
        set_limits(connection, tenant_id, **body.limits)
        audit.record(
            connection,
            actor=caller.actor,
            action="tenant.limits",
            target=tenant_id,
            tenant=tenant_id,
            detail=body.limits,
        )
        return dict(find_tenant(connection, tenant_id))


@router.delete("/tenants/{tenant_id}")
def delete_tenant(tenant_id: TenantId, service: Parts, caller: Admin) -> dict[str, Any]:
    """Delete a tenant with all its data and keys; the answer is the receipt."""
    with service.database.read() as connection:
        tenant_id = find_tenant(connection, tenant_id)["id"]
    return erase_data(service.database, service.store, tenant_id, actor=caller.actor, with_tenant=True)


@router.post("/tenants/{tenant_id}/keys", status_code=201)
def add_key(tenant_id: TenantId, body: KeyRequest, service: Parts, caller: Admin) -> dict[str, Any]:
    """A key for a tenant, shown this once."""
    with service.database.write() as connection:
        tenant_id = find_tenant(connection, tenant_id)["id"]
        id, text = keys.issue(
            connection, tenant_id, name=body.name, scopes=tuple(body.scopes), days=body.days
        )
        audit.record(connection, actor=caller.actor, action="key.create", target=id, tenant=tenant_id)
    return {"id": id, "key": text, "prefix": keys.prefix_of(text), "scopes": body.scopes}


@router.get("/queue")
def get_queue(service: Parts, caller: Admin) -> dict[str, Any]:
    """What waits and runs, by tenant; the workers; what was set aside."""
    with service.database.read() as connection:
        rows = connection.execute(
            sa.select(
                tenant.c.name,
                job.c.state,
                sa.func.count().label("count"),
                sa.func.min(job.c.created_at).label("oldest"),
            )
            .join_from(job, tenant)
            .where(job.c.state.in_(OPEN))
            .group_by(tenant.c.name, job.c.state)
        )
        waiting = [dict(row) for row in rows.mappings()]
        workers = [
            {**row, "alive": row["seen_at"] > time.time() - ALIVE_S}
            for row in connection.execute(sa.select(worker).order_by(worker.c.started_at)).mappings()
        ]
        aside = [
            dict(row)
            for row in connection.execute(
                sa.select(job.c.id, job.c.tenant_id, job.c.kind, job.c.error, job.c.finished_at)
                .where(job.c.poison)
                .order_by(job.c.id.desc())
                .limit(50)
            ).mappings()
        ]
        odd = find_anomalies(connection)
    return {"jobs": waiting, "workers": workers, "set_aside": aside, "anomalies": odd}


@router.post("/jobs/{job_id}/requeue")
def requeue_job(job_id: TenantId, service: Parts, caller: Admin) -> dict[str, str]:
    """Send the same order of a job that was set aside again, as a new job of its tenant."""
    from slipcast.service.jobs.again import send_again

    with service.database.write() as connection:
        return {
            "id": send_again(connection, job_id, actor=caller.actor, attempts=service.settings.max_attempts)
        }


@router.get("/usage", response_class=Response)
def get_all_usage(
    service: Parts,
    caller: Admin,
    since: Annotated[date | None, Query()] = None,
    until: Annotated[date | None, Query()] = None,
    format: Literal["json", "csv"] = "json",
) -> Response:
    """What all tenants did and spent."""
    check_days(since, until)
    with service.database.read() as connection:
        rows = money.usage(connection, since=seconds_of(since) or 0.0, until=seconds_of(until))
    return usage_answer(rows, format)


@router.get("/audit", response_class=Response)
def get_audit(
    service: Parts,
    caller: Admin,
    tenant_id: Annotated[str, Query(max_length=64)] = "",
    since: Annotated[date | None, Query()] = None,
) -> Response:
    """The audit log as JSON lines, oldest first."""

    def lines() -> Iterator[str]:
        with service.database.read() as connection:
            for line in audit.read_lines(connection, tenant=tenant_id, since=seconds_of(since) or 0.0):
                yield json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n"

    return StreamingResponse(lines(), media_type="application/jsonl")


@router.get("/audit/verify")
def verify_audit(service: Parts, caller: Admin) -> dict[str, Any]:
    """Whether the chain of the audit log is whole."""
    with service.database.read() as connection:
        count, problem = audit.verify(connection)
    return {"lines": count, "whole": not problem, "problem": problem}
