"""`/health/live`, `/health/ready`, `/metrics`."""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from slipcast.service.api.auth import Parts, authenticate
from slipcast.service.api.errors import Refused
from slipcast.service.database.migrate import newest, version_of
from slipcast.service.metrics import scrape

router = APIRouter(tags=["operations"])


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live")
def is_live() -> dict[str, str]:
    """The process answers. Restart it when it does not."""
    return {"status": "live"}


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready")
def is_ready(service: Parts) -> JSONResponse:
    """Whether requests should come here: database at the right version, store in reach, not draining."""
    checks: dict[str, Any] = {"draining": service.draining}
    try:
        checks["database"] = version_of(service.database) == newest()
    except sa.exc.SQLAlchemyError:
        checks["database"] = False
    try:
        service.store.check()
        checks["store"] = True
    except Exception:  # noqa: BLE001 - whatever the store's client raises, it is not in reach
        checks["store"] = False
    good = bool(checks["database"] and checks["store"] and not service.draining)
    return JSONResponse(
        {"status": "ready" if good else "not ready", **checks}, status_code=200 if good else 503
    )


@router.get("/metrics", response_class=Response)
def get_metrics(request: Request, service: Parts) -> Response:
    """Prometheus' text; needs a key with the scope metrics or admin unless the settings open it."""
    if not service.settings.open_metrics:
        caller = authenticate(request, service)
        if not caller.scopes & {"metrics", "admin"}:
            raise Refused(403, "ScopeMissing", "this key lacks the scope metrics")
    return Response(scrape(service.database), media_type="text/plain; version=0.0.4; charset=utf-8")
