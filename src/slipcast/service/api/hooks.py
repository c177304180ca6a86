"""`/v1/webhooks` and `/v1/deliveries`: where messages go, and what became of them."""

import time
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query

from slipcast.core.errors import BadInput
from slipcast.service import audit
from slipcast.service.api.auth import Parts, Reader, Writer
from slipcast.service.api.errors import RESPONSES, Refused
from slipcast.service.api.models import WebhookRequest
from slipcast.service.database.tables import delivery, webhook
from slipcast.service.fetch import resolve
from slipcast.service.jobs.queue import new_id
from slipcast.service.tenants import for_tenant
from slipcast.service.webhooks import enable, new_secret

router = APIRouter(prefix="/v1", tags=["webhooks"], responses=RESPONSES)
HookId = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9_]+$")]
_MOST = 5
_SHOWN = ("id", "webhook_id", "event", "state", "attempt", "next_at", "created_at", "last_error")


@router.get("/webhooks")
def list_webhooks(service: Parts, caller: Reader) -> list[dict[str, Any]]:
    """The tenant's hooks, without their secrets."""
    with service.database.read() as connection:
        rows = for_tenant(connection, caller.tenant_id).webhooks()
    return [{key: value for key, value in row.items() if key not in ("secret", "tenant_id")} for row in rows]


@router.post("/webhooks", status_code=201)
def create_webhook(body: WebhookRequest, service: Parts, caller: Writer) -> dict[str, Any]:
    """Messages (`job.succeeded`, `job.failed`, `job.cancelled`, `money.alert`) go there; the secret is shown once."""
    resolve(body.url, allow_private=service.settings.allow_private_urls, only_https=True)
    id, secret = new_id("hook"), new_secret()
    with service.database.write() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        scope.row(lock=True)
        if len(scope.webhooks()) >= _MOST:
            raise BadInput(f"there are {_MOST} webhooks already; delete one first")
        connection.execute(
            sa.insert(webhook).values(
                id=id, tenant_id=caller.tenant_id, url=body.url, secret=secret, created_at=time.time()
            )
        )
        audit.record(
            connection, actor=caller.actor, action="webhook.create", target=id, tenant=caller.tenant_id
        )
    return {"id": id, "url": body.url, "secret": secret}


@router.post("/webhooks/{hook_id}/enable")
def enable_webhook(
    hook_id: HookId,
    service: Parts,
    caller: Writer,
    resend: Annotated[bool, Query(description="Send its dead messages again, too.")] = False,
) -> dict[str, Any]:
    """Switch a hook on again that was switched off because it answered 410."""
    with service.database.write() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        count = enable(scope, hook_id, resend=resend, actor=caller.actor)
        row = scope.webhook(hook_id)
    shown = {key: value for key, value in row.items() if key not in ("secret", "tenant_id")}
    return {**shown, "resent": count}


@router.delete("/webhooks/{hook_id}", status_code=204)
def delete_webhook(hook_id: HookId, service: Parts, caller: Writer) -> None:
    """No more messages go there."""
    with service.database.write() as connection:
        for_tenant(connection, caller.tenant_id).webhook(hook_id)
        connection.execute(sa.delete(webhook).where(webhook.c.id == hook_id))
        audit.record(
            connection, actor=caller.actor, action="webhook.delete", target=hook_id, tenant=caller.tenant_id
        )


@router.get("/deliveries")
def list_deliveries(
    service: Parts,
    caller: Reader,
    state: Annotated[Literal["pending", "delivered", "dead"] | None, Query()] = None,
) -> list[dict[str, Any]]:
    """The newest hundred messages; state=dead are those that were given up."""
    with service.database.read() as connection:
        rows = for_tenant(connection, caller.tenant_id).deliveries(state or "")
    return [{key: row[key] for key in _SHOWN} for row in rows]


@router.post("/deliveries/{delivery_id}/retry", status_code=202)
def retry_delivery(delivery_id: HookId, service: Parts, caller: Writer) -> dict[str, Any]:
    """Send a message again, from the first attempt on. 409 while its hook is switched off."""
    with service.database.write() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        hook = scope.webhook(scope.delivery(delivery_id)["webhook_id"])
        if hook["disabled_at"] is not None:
            raise Refused(
                409,
                "WebhookDisabled",
                f"its webhook is switched off ({hook['reason']}); POST /v1/webhooks/{hook['id']}/enable first",
            )
        connection.execute(
            sa.update(delivery)
            .where(delivery.c.id == delivery_id)
            .values(state="pending", attempt=0, next_at=time.time())
        )
        row = scope.delivery(delivery_id)
    return {key: row[key] for key in _SHOWN}
