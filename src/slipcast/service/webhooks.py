"""Sends what lies in the outbox, after Standard Webhooks: signed, at least once, with growing pauses, then set aside.

A receiver tells two messages apart by `webhook-id`. One that answers 410 is switched off, and what waits for it is
set aside, until it is switched on again. A message is taken by raising
its attempt, so that two senders never send it at the same time, and one whose sender died comes again.
"""

import base64
import json
import secrets
import time
from datetime import UTC, datetime

import httpx
import sqlalchemy as sa
from standardwebhooks import Webhook

from slipcast.core.errors import BadInput
from slipcast.service import audit
from slipcast.service.database.engine import Database
from slipcast.service.database.tables import delivery, webhook
from slipcast.service.fetch import post
from slipcast.service.logs import log
from slipcast.service.metrics import Metrics
from slipcast.service.tenants import Scope

PAUSES_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""After each failed attempt, with up to a tenth more; after the last one the message is dead."""
_TAKEN_S = 60.0
GONE = 410


def new_secret() -> str:
    """`whsec_...`: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def enable(scope: Scope, hook_id: str, *, resend: bool, actor: str) -> int:
    """Switch a hook on again; with `resend` its dead messages are due again: returns how many. Raises NotThere."""
    scope.webhook(hook_id)
    connection = scope.connection
    connection.execute(sa.update(webhook).where(webhook.c.id == hook_id).values(disabled_at=None, reason=""))
    count = 0
    if resend:
        dead = sa.update(delivery).where(delivery.c.webhook_id == hook_id, delivery.c.state == "dead")
        count = int(connection.execute(dead.values(state="pending", attempt=0, next_at=time.time())).rowcount)
    audit.record(
        connection,
        actor=actor,
        action="webhook.enable",
        target=hook_id,
        tenant=scope.tenant_id,
        detail={"resent": count},
    )
    return count


def send_due(database: Database, metrics: Metrics, *, allow_private: bool, most: int = 20) -> int:
    """Send what is due; returns how many messages were tried."""
    now = time.time()
    with database.read() as connection:
        due = connection.execute(
            sa.select(delivery, webhook.c.url, webhook.c.secret)
            .join_from(delivery, webhook)
            .where(delivery.c.state == "pending", delivery.c.next_at <= now, webhook.c.disabled_at.is_(None))
            .order_by(delivery.c.next_at)
            .limit(most)
        ).all()
    count = 0
    for row in due:
        with database.write() as connection:
            taken = connection.execute(
                sa.update(delivery)
                .where(
                    delivery.c.id == row.id,
                    delivery.c.attempt == row.attempt,
                    delivery.c.state == "pending",
                )
                .values(attempt=row.attempt + 1, next_at=time.time() + _TAKEN_S)
            )
        if taken.rowcount != 1:
            continue
        count += 1
        status, problem = _send(row, allow_private=allow_private)
        _note(database, metrics, row, status, problem)
    return count


def _send(row: sa.Row[tuple[object, ...]], *, allow_private: bool) -> tuple[int, str]:
    body = json.dumps(row.payload, ensure_ascii=False, separators=(",", ":"))
    at = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "user-agent": "Slipcast",
        "webhook-id": row.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(row.secret).sign(row.id, at, body),
    }
    try:
        status = post(row.url, body.encode(), headers, allow_private=allow_private)
    except (BadInput, httpx.HTTPError) as error:
        return 0, f"{type(error).__name__}: {error}"[:300]
    return status, "" if 200 <= status < 300 else f"it answered {status}"


def _note(
    database: Database, metrics: Metrics, row: sa.Row[tuple[object, ...]], status: int, problem: str
) -> None:
    values: dict[str, object]
    if not problem:
        values, outcome = {"state": "delivered", "last_error": ""}, "delivered"
    elif row.attempt >= len(PAUSES_S) or status == GONE:
        values, outcome = {"state": "dead", "last_error": problem}, "dead"
    else:
        pause_s = PAUSES_S[row.attempt] * (1 + secrets.randbelow(100) / 1000)
        values, outcome = {"next_at": time.time() + pause_s, "last_error": problem}, "failed"
    with database.write() as connection:
        connection.execute(sa.update(delivery).where(delivery.c.id == row.id).values(**values))
        if status == GONE:
            connection.execute(
                sa.update(webhook)
                .where(webhook.c.id == row.webhook_id)
                .values(disabled_at=time.time(), reason="it answered 410")
            )
            connection.execute(
                sa.update(delivery)
                .where(delivery.c.webhook_id == row.webhook_id, delivery.c.state == "pending")
                .values(state="dead", last_error="its webhook was switched off")
            )
    metrics.hooks.labels(outcome).inc()
    log("webhooks", "message", outcome=outcome, message_id=row.id, problem=problem)
