"""The end of data: a tenant's on request (GDPR, article 17), with a receipt; the old by retention."""

import hashlib
import json
import time
from typing import Any

import sqlalchemy as sa

from slipcast.core.errors import BadInput
from slipcast.service import audit, sessions
from slipcast.service.database.engine import Database
from slipcast.service.database.tables import (
    api_key,
    delivery,
    file,
    idempotency,
    job,
    purchase,
    rate,
    tenant,
    webhook,
)
from slipcast.service.jobs.states import FINAL, State
from slipcast.service.store import Store

_OLD_S = 86400.0
"""A file that no row names is removed when it is older: it may belong to a job that is being handed in."""
_AT_ONCE = 200


def erase_data(
    database: Database, store: Store, tenant_id: str, *, actor: str, with_tenant: bool = False
) -> dict[str, Any]:
    """Delete everything that a tenant sent or got; returns the receipt, whose sum stands in the audit log.

    Running jobs are cancelled first: raises BadInput while some still run. With `with_tenant` keys and tenant go too.
    """
    with database.write() as connection:
        name = connection.scalar(sa.select(tenant.c.name).where(tenant.c.id == tenant_id).with_for_update())
        if name is None:
            raise BadInput("there is no such tenant")
        mine = job.c.tenant_id == tenant_id
        running = connection.scalar(sa.select(sa.func.count()).where(mine, job.c.state == State.RUNNING))
        if running:
            connection.execute(
                sa.update(job).where(mine, job.c.state == State.RUNNING).values(cancel_requested=True)
            )
    if running:
        raise BadInput(
            f"{running} jobs were running and are being cancelled; send the request again in a minute"
        )
    counts: dict[str, int] = {}
    with database.write() as connection:
        for table in (delivery, webhook, idempotency, purchase, file, job):
            done = connection.execute(sa.delete(table).where(table.c.tenant_id == tenant_id))
            counts[table.name] = int(done.rowcount)
        if with_tenant:
            done = connection.execute(sa.delete(api_key).where(api_key.c.tenant_id == tenant_id))
            counts["api_key"] = int(done.rowcount)
            connection.execute(sa.delete(tenant).where(tenant.c.id == tenant_id))
            counts["tenant"] = 1
    removed = 0
    for _, sha256, _, _ in list(store.stored(tenant_id)):
        store.delete(tenant_id, sha256)
        removed += 1
    left = sum(1 for _ in store.stored(tenant_id))
    receipt: dict[str, Any] = {
        "tenant_id": tenant_id,
        "erased_at": round(time.time(), 3),
        "rows": counts,
        "stored_files": removed,
        "files_left": left,
        "kept": "ledger entries and audit lines, which hold ids, sums and amounts only",
    }
    text = json.dumps(receipt, sort_keys=True, separators=(",", ":"))
    receipt["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    with database.write() as connection:
        receipt["audit"] = audit.record(
            connection,
            actor=actor,
            action="data.erase",
            target=tenant_id,
            tenant=tenant_id,
            detail={"receipt": receipt["sha256"], "rows": counts, "stored_files": removed},
        )
    return receipt


def sweep(database: Database, store: Store, *, audit_days: int) -> dict[str, int]:
    """What retention removes: ended jobs past their tenant's days, old messages, keys of requests, audit lines, files
    that nothing names."""
    now = time.time()
    counts = {"jobs": 0, "files": 0, "messages": 0, "requests": 0, "audit": 0}
    with database.read() as connection:
        tenants = connection.execute(sa.select(tenant.c.id, tenant.c.retention_days)).all()
    for row in tenants:
        counts["jobs"] += _sweep_jobs(database, row.id, now - row.retention_days * 86400)
    with database.write() as connection:
        old = sa.delete(delivery).where(
            delivery.c.state != "pending", delivery.c.created_at < now - 30 * 86400
        )
        counts["messages"] = int(connection.execute(old).rowcount)
        keys = sa.delete(idempotency).where(idempotency.c.created_at < now - 86400)
        counts["requests"] = int(connection.execute(keys).rowcount)
        sessions.forget(connection)
        connection.execute(sa.delete(rate).where(rate.c.minute < now // 60 - 60))
        counts["audit"] = audit.forget(connection, now - audit_days * 86400)
    counts["files"] = _sweep_files(database, store, now - _OLD_S)
    return counts


def lock_tenant(connection: sa.Connection, tenant_id: str) -> None:
    """Hold the tenant's row until the transaction ends: contents are named and removed under it alone."""
    connection.execute(sa.select(tenant.c.id).where(tenant.c.id == tenant_id).with_for_update())


def _sweep_jobs(database: Database, tenant_id: str, before: float) -> int:
    count = 0
    while True:
        with database.write() as connection:
            ids = connection.scalars(
                sa.select(job.c.id)
                .where(job.c.tenant_id == tenant_id, job.c.state.in_(FINAL), job.c.finished_at < before)
                .limit(_AT_ONCE)
            ).all()
            if not ids:
                break
            connection.execute(sa.delete(file).where(file.c.job_id.in_(ids)))
            connection.execute(sa.delete(job).where(job.c.id.in_(ids)))
            audit.record(
                connection,
                actor="service",
                action="retention",
                target=tenant_id,
                tenant=tenant_id,
                detail={"jobs": list(ids)},
            )
            count += len(ids)
    with database.write() as connection:
        connection.execute(
            sa.delete(purchase).where(purchase.c.tenant_id == tenant_id, purchase.c.at < before)
        )
    return count


def _sweep_files(database: Database, store: Store, before: float) -> int:
    """Files of the store that no row names: of deleted jobs, of workers that died while they handed in."""
    count = 0
    for tenant_id, sha256, _, at in list(store.stored()):
        if at >= before:
            continue
        with database.write() as connection:
            lock_tenant(connection, tenant_id)  # nobody names the same content meanwhile
            named = any(
                connection.scalar(
                    sa.select(table.c.sha256)
                    .where(table.c.tenant_id == tenant_id, table.c.sha256 == sha256)
                    .limit(1)
                )
                for table in (file, purchase)
            )
            if not named:
                store.delete(tenant_id, sha256)
                count += 1
    return count
