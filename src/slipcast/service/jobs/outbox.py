"""Messages to webhooks, written in the transaction of what they tell; `webhooks.py` sends them."""

import time
from collections.abc import Mapping

import sqlalchemy as sa

from slipcast.service.database.tables import delivery, webhook
from slipcast.service.jobs.queue import new_id


def announce(connection: sa.Connection, tenant_id: str, event: str, data: Mapping[str, object]) -> int:
    """Put a message for each of the tenant's hooks into the outbox; returns how many."""
    hooks = connection.scalars(
        sa.select(webhook.c.id).where(webhook.c.tenant_id == tenant_id, webhook.c.disabled_at.is_(None))
    ).all()
    now = time.time()
    payload = {"type": event, "timestamp": round(now, 3), "data": dict(data)}
    for hook in hooks:
        connection.execute(
            sa.insert(delivery).values(
                id=new_id("msg"),
                tenant_id=tenant_id,
                webhook_id=hook,
                event=event,
                payload=payload,
                state="pending",
                next_at=now,
                created_at=now,
            )
        )
    return len(hooks)
