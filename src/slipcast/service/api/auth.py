"""Who asks: a key in `Authorization: Bearer` or `X-API-Key`, or the page's session cookie.

The cookie is HttpOnly and SameSite=Strict, and an unsafe method with it must come from this origin: a foreign page
cannot act for whoever is signed in. A session ends on the server: by signing out, and with the key that began it.
"""

import math
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from slipcast.service import keys, sessions
from slipcast.service.api.errors import Refused
from slipcast.service.api.service import Service, service_of
from slipcast.service.keys import Caller

COOKIE = "slipcast_session"
_bearer = HTTPBearer(auto_error=False, description="A key of the tenant's: sk_...")
_header = APIKeyHeader(name="X-API-Key", auto_error=False)
_SAFE = ("GET", "HEAD", "OPTIONS")
Parts = Annotated[Service, Depends(service_of)]
"""What a handler needs."""


def caller_of(scope: str) -> Callable[..., Caller]:
    """For `Depends`: whoever asks, when the key has `scope`.

    What it gives raises Refused: 401 without a good key, 403 without the scope, 429 beyond the tenant's rate.
    """

    def caller(
        request: Request,
        service: Parts,
        bearer: Annotated[object, Depends(_bearer)],
        header: Annotated[object, Depends(_header)],
    ) -> Caller:
        found = authenticate(request, service)
        if scope not in found.scopes and not found.is_admin:
            raise Refused(403, "ScopeMissing", f"this key lacks the scope {scope}; use another key")
        check_rate(service, found)
        return found

    return caller


Reader = Annotated[Caller, Depends(caller_of("read"))]
Writer = Annotated[Caller, Depends(caller_of("write"))]
Admin = Annotated[Caller, Depends(caller_of("admin"))]


def check_rate(service: Service, caller: Caller) -> None:
    """Raise Refused (429) when the key asks too often."""
    wait_s = service.limits.wait_s(caller.key_id, caller.requests_per_minute)
    if wait_s:
        limit, wait = caller.requests_per_minute, math.ceil(wait_s)
        raise Refused(
            429,
            "TooManyRequests",
            f"this key may ask {limit} times a minute; wait {wait} s",
            {"Retry-After": str(wait), "RateLimit-Policy": f'"key";q={limit};w=60'},
        )


def authenticate(request: Request, service: Service) -> Caller:
    """Whoever asks. Raises Refused (401, 403)."""
    text = key_text(request)
    with service.database.read() as connection:
        found = keys.find(connection, text) if text else _of_session(request, connection)
    if found is None:
        raise Refused(
            401,
            "NoKey",
            "give a key that is good, in Authorization: Bearer or X-API-Key",
            {"WWW-Authenticate": "Bearer"},
        )
    if text and found.is_stale:
        with service.database.write() as connection:
            keys.touch(connection, found.key_id)
    request.state.tenant_id = found.tenant_id
    return found


def key_text(request: Request) -> str:
    """The key that came with the request; empty without one."""
    bearer = request.headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return request.headers.get("x-api-key", "").strip()


def _of_session(request: Request, connection: sa.Connection) -> Caller | None:
    cookie = request.cookies.get(COOKIE, "")
    found = sessions.find(connection, cookie) if cookie else None
    if found is not None and request.method not in _SAFE and not is_same_origin(request):
        raise Refused(403, "ForeignOrigin", "this request did not come from the service's own page")
    return found


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that the request comes from our own page."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched == "same-origin"
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host", "")
