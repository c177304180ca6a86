"""Around each request: an id, a time, security headers. Plain ASGI: a stream is not held up."""

import re
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipcast.service.api.service import Service
from slipcast.service.logs import context, log

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = ("/health/live", "/health/ready", "/metrics")


class Measure:
    """Gives each request an id, measures and logs it, sets the headers that every answer has."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next(
            (value.decode("latin-1") for key, value in scope["headers"] if key == b"x-request-id"), ""
        )
        id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = id
        begun, status = time.perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                known = {key.lower() for key, _ in message["headers"]}
                more = {**HEADERS, "X-Request-ID": id}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in more.items()
                        if name.lower().encode() not in known
                    ),
                ]
            await send(message)

        with context(request=id):
            try:
                await self.app(scope, receive, marked)
            finally:
                self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: dict[str, Any] | Scope, status: int, took_s: float) -> None:
        route = str(getattr(scope.get("route"), "path", "none"))
        method = str(scope["method"])
        if method not in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            method = "OTHER"  # a label must not grow by what strangers send
        metrics = self.service.metrics
        metrics.requests.labels(method, route, str(status)).inc()
        if not route.endswith("/events"):
            metrics.request_seconds.labels(method, route).observe(took_s)
        if route not in _QUIET:
            tenant = str(scope.get("state", {}).get("tenant_id", ""))
            ms = round(took_s * 1000, 1)
            log("api", "request", method=method, route=route, status=status, ms=ms, tenant=tenant)
