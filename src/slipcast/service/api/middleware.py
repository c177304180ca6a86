"""Around each request: an id, a time, security headers. Plain ASGI: a stream is not held up."""

import re
import secrets
import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipcast.service.api.errors import answer, unforeseen
from slipcast.service.api.service import Service
from slipcast.service.logs import context, log

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""For answers that do not say otherwise: files, links, pages and streams do."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = ("/health/live", "/health/ready", "/metrics")


class LimitBody:
    """Refuses a body of more than `most` bytes: by its Content-Length, or as soon as more than that came.

    FastAPI's own `max_body_size` answers outside of everything else: as plain text, without id and headers.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = f"the body has more than {self.most // 2**20} MiB; send smaller pictures, or fewer at once"
        said = next((value for key, value in scope["headers"] if key == b"content-length"), b"0")
        if said.isdigit() and int(said[:20]) > self.most:
            await answer(Request(scope), 413, "BadInput", told)(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.most:
                raise HTTPException(413, told)
            return message

        await self.app(scope, counted, send)


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
        begun, status, begun_to_answer = time.perf_counter(), 500, False

        async def marked(message: Message) -> None:
            nonlocal status, begun_to_answer
            if message["type"] == "http.response.start":
                status, begun_to_answer = message["status"], True
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
            except Exception as error:
                if begun_to_answer:
                    raise
                status = 500
                await unforeseen(Request(scope), error)(scope, receive, marked)
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
