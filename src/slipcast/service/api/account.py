"""`/v1/account`, `/v1/usage`, `/v1/keys`: what a tenant may do, did and spent; its keys; the end of its data."""

import csv
import io
import time
from datetime import date
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, Response

from slipcast.core.errors import BadInput
from slipcast.service import audit, keys, money
from slipcast.service.api.auth import Parts, Reader, Writer
from slipcast.service.api.errors import RESPONSES, Refused
from slipcast.service.api.models import KeyRequest, RotateRequest
from slipcast.service.database.tables import job
from slipcast.service.erase import erase_data
from slipcast.service.jobs.states import State
from slipcast.service.tenants import for_tenant

router = APIRouter(prefix="/v1", tags=["account"], responses=RESPONSES)
KeyId = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9_]+$")]
_COLUMNS = ("day", "tenant_id", "cost_center", "what", "count", "usd", "unsure_usd")


@router.get("/account")
def get_account(service: Parts, caller: Reader) -> dict[str, Any]:
    """The tenant's limits and how much of them is used."""
    with service.database.read() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        row = scope.row()
        now = time.time()
        starts = money.period_starts(now)
        counts = {
            state: int(count)
            for state, count in connection.execute(
                sa.select(job.c.state, sa.func.count())
                .where(job.c.tenant_id == caller.tenant_id, job.c.state.in_((State.QUEUED, State.RUNNING)))
                .group_by(job.c.state)
            )
        }
        today = connection.scalar(
            sa.select(sa.func.count()).where(
                job.c.tenant_id == caller.tenant_id, job.c.created_at >= starts["day"]
            )
        )
        spent = {period: money.spent(scope, since) / money.MICRO for period, since in starts.items()}
        return {
            "tenant": {"id": caller.tenant_id, "name": caller.tenant_name, "region": row["region"]},
            "scopes": sorted(caller.scopes),
            "limits": {
                "jobs_per_day": row["jobs_per_day"],
                "max_queued": row["max_queued"],
                "max_running": row["max_running"],
                "requests_per_minute": row["requests_per_minute"],
                "storage_bytes": row["storage_bytes"],
                "retention_days": row["retention_days"],
                "usd_per_day": row["day_micro"] / money.MICRO,
                "usd_per_month": row["month_micro"] / money.MICRO,
            },
            "used": {
                "jobs_today": int(today or 0),
                "queued": counts.get(State.QUEUED, 0),
                "running": counts.get(State.RUNNING, 0),
                "storage_bytes": scope.stored_bytes(),
                "usd_today": spent["day"],
                "usd_this_month": spent["month"],
                "usd_reserved": money.reserved(scope) / money.MICRO,
            },
        }


@router.get("/usage", response_class=Response)
def get_usage(
    service: Parts,
    caller: Reader,
    since: Annotated[date | None, Query(description="2026-11-01")] = None,
    until: Annotated[date | None, Query(description="The first day that is not counted.")] = None,
    format: Literal["json", "csv"] = "json",
) -> Response:
    """What was done and spent, by day, cost centre and kind."""
    check_days(since, until)
    with service.database.read() as connection:
        rows = money.usage(
            connection, tenant_id=caller.tenant_id, since=seconds_of(since) or 0.0, until=seconds_of(until)
        )
    return usage_answer(rows, format)


@router.get("/keys")
def list_keys(service: Parts, caller: Reader) -> list[dict[str, Any]]:
    """The tenant's keys: prefixes, scopes, times; never the keys themselves."""
    with service.database.read() as connection:
        return [dict(row) for row in for_tenant(connection, caller.tenant_id).api_keys()]


@router.post("/keys", status_code=201)
def create_key(body: KeyRequest, service: Parts, caller: Writer) -> dict[str, Any]:
    """A further key of the tenant, shown this once. It cannot do more than the key that asks."""
    wanted = set(body.scopes)
    if not caller.is_admin and not wanted <= caller.scopes:
        raise Refused(403, "ScopeMissing", "a key cannot give what it lacks itself")
    with service.database.write() as connection:
        id, text = keys.issue(
            connection, caller.tenant_id, name=body.name, scopes=tuple(body.scopes), days=body.days
        )
        audit.record(connection, actor=caller.actor, action="key.create", target=id, tenant=caller.tenant_id)
    return {"id": id, "key": text, "prefix": keys.prefix_of(text), "scopes": body.scopes}


@router.post("/keys/{key_id}/rotate", status_code=201)
def rotate_key(key_id: KeyId, body: RotateRequest, service: Parts, caller: Writer) -> dict[str, Any]:
    """A new key with the same rights; the old one stays good for the overlap."""
    with service.database.write() as connection:
        row = for_tenant(connection, caller.tenant_id).key(key_id)
        if not caller.is_admin and not set(row["scopes"].split()) <= caller.scopes:
            raise Refused(403, "ScopeMissing", "a key cannot give what it lacks itself")
        id, text = keys.rotate(connection, key_id, overlap_s=body.overlap_s)
        audit.record(
            connection,
            actor=caller.actor,
            action="key.rotate",
            target=key_id,
            tenant=caller.tenant_id,
            detail={"new": id},
        )
    return {"id": id, "key": text, "prefix": keys.prefix_of(text)}


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: KeyId, service: Parts, caller: Writer) -> None:
    """End a key; it is refused from the next request on."""
    with service.database.write() as connection:
        for_tenant(connection, caller.tenant_id).key(key_id)
        keys.revoke(connection, key_id)
        audit.record(
            connection, actor=caller.actor, action="key.revoke", target=key_id, tenant=caller.tenant_id
        )


@router.delete("/account/data")
def delete_data(
    service: Parts, caller: Writer, confirm: Annotated[str, Query(max_length=100)]
) -> JSONResponse:
    """Delete all jobs, files, purchases, hooks and messages of the tenant; the answer is the receipt.

    `confirm` is the tenant's name. What was spent stays in the ledger, as the law on accounts asks.
    """
    if confirm != caller.tenant_name:
        raise Refused(409, "NotConfirmed", "confirm must be the tenant's name")
    receipt = erase_data(service.database, service.store, caller.tenant_id, actor=caller.actor)
    return JSONResponse(receipt)


def check_days(since: date | None, until: date | None) -> None:
    """Raise BadInput for days between which there is none."""
    if since is not None and until is not None and until <= since:
        raise BadInput(f"until {until} is not after since {since}; give a later day", field="until")


def seconds_of(day: date | None) -> float | None:
    """When a day began, UTC."""
    from datetime import UTC, datetime

    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def usage_answer(rows: list[dict[str, object]], format: str) -> Response:
    """As CSV or JSON."""
    if format == "json":
        return JSONResponse(rows)
    return Response(
        usage_csv(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="usage.csv"'},
    )


def usage_csv(rows: list[dict[str, object]]) -> str:
    """The same as a table for a spreadsheet; no cell can be a formula."""
    out = io.StringIO()
    table = csv.DictWriter(out, _COLUMNS)
    table.writeheader()
    for row in rows:
        table.writerow({key: _plain(value) for key, value in row.items()})
    return out.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
