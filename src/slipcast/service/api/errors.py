"""Errors as RFC 9457 problem+json: `code` is the library's own class name, `status` comes from its table.

No answer holds a path, a key or a stack: what nobody foresaw is a bare 500 with the request's id, and the log has the
rest. The Meshy-shaped routes word theirs as Meshy does.
"""

import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from slipcast.core.errors import SlipcastError, status_of
from slipcast.service.database.engine import is_away, is_full
from slipcast.service.errors import LimitReached, code_of
from slipcast.service.jobs.submit import KeyReused
from slipcast.service.logs import log
from slipcast.service.tenants import NotThere
from slipcast.service.wording import fields_at, say

MESHY = "/openapi/"


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str = ""
    request_id: str = ""


Raised = TypeVar("Raised", bound=Exception)


class Refused(Exception):
    """An answer of another status than the library's errors have: 401, 403, 404, 409, 429."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, dict(headers or {})


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": title,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status, title in {
        400: "The request cannot be read",
        401: "No key, or none that is good",
        403: "The key lacks a scope",
        404: "Nothing of yours has that id",
        409: "Not in this state",
        413: "Too large",
        422: "Something in the request is wrong",
        429: "Too many requests, or a quota or cost limit is used up",
        503: "The database or the store is away",
    }.items()
}
"""For every route's documentation."""

MESHY_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": row["description"],
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"message": {"type": "string"}},
                    "required": ["message"],
                }
            }
        },
    }
    for status, row in RESPONSES.items()
}
"""The same for the Meshy-shaped routes."""


def add_handlers(app: FastAPI) -> None:
    """Turn what is raised on purpose into a problem; `Measure` has the rest."""
    _handle(app, Refused, _refused)
    _handle(app, SlipcastError, _library)
    _handle(app, RequestValidationError, _invalid)
    _handle(app, ValidationError, _invalid)
    _handle(app, HTTPException, _http)
    _handle(app, sa.exc.SQLAlchemyError, _database)


def _handle(
    app: FastAPI, kind: type[Raised], tell: Callable[[Request, Raised], Awaitable[JSONResponse]]
) -> None:
    async def handle(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, kind)
        return await tell(request, error)

    app.add_exception_handler(kind, handle)


def answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    field: str = "",
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem."""
    request_id = getattr(request.state, "request_id", "")
    if request.url.path.startswith(MESHY):
        return JSONResponse({"message": detail}, status_code=status, headers=dict(headers or {}))
    problem = Problem(
        type=f"urn:slipcast:problem:{code}",
        title=code,
        status=status,
        detail=detail,
        code=code,
        field=field,
        request_id=request_id,
    )
    return JSONResponse(
        problem.model_dump(),
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


async def _refused(request: Request, error: Refused) -> JSONResponse:
    return answer(request, error.status, error.code, error.detail, headers=error.headers)


async def _library(request: Request, error: SlipcastError) -> JSONResponse:
    status = 404 if isinstance(error, NotThere) else status_of(error).http
    retry_s = error.retry_s if isinstance(error, LimitReached) else None
    headers = {} if retry_s is None else {"Retry-After": str(max(1, math.ceil(retry_s)))}
    code = "IdempotencyKeyReused" if isinstance(error, KeyReused) else code_of(error)
    field = str(getattr(error, "field", "") or "")
    return answer(request, status, code, str(error), field=field, headers=headers)


async def _invalid(request: Request, error: RequestValidationError | ValidationError) -> JSONResponse:
    first = error.errors()[0]
    place = list(first.get("loc", ()))
    if place and place[0] in ("body", "query", "path", "header", "cookie"):
        place = place[1:]
    field = "" if first.get("type") == "json_invalid" else ".".join(str(part) for part in place)
    if "UploadFile" in str(first.get("msg")):
        name = field.partition(".")[0]
        said = f"{name} must be a file; with curl: -F {name}=@owl.png"
    else:
        said = say(first, field, _known_fields(request, place))
    return answer(request, 422, "BadInput", said[:500], field=field)


def _known_fields(request: Request, place: list[str | int]) -> list[str]:
    """The fields that a request's body may have beside the one at `place`."""
    body = getattr(request.scope.get("route"), "body_field", None)
    return fields_at(body.field_info.annotation, place) if body is not None else []


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    """What the framework refuses, in the library's words: a body that cannot be read is bad input."""
    codes = {404: "NotThere", 405: "MethodNotAllowed", 400: "BadInput", 413: "BadInput"}
    said, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 404 and said == "Not Found":
        said = "there is nothing at this address; /openapi.json lists what there is"
    elif error.status_code == 405:
        allowed = _methods(request) | {word.strip() for word in headers.get("Allow", "").split(",")} - {""}
        headers["Allow"] = ", ".join(sorted(allowed))
        said = f"this address does not take {request.method}; it takes {headers['Allow']}"
    elif error.status_code == 400 and "multipart/form-data" in request.headers.get("content-type", ""):
        said = f"the form cannot be read ({said.rstrip('.')}); with curl: -F picture=@owl.png"
    elif error.status_code == 400 and said.startswith("There was an error"):
        said = "the body cannot be read: it is no JSON in UTF-8; send valid JSON"
    code = codes.get(error.status_code, "Refused")
    return answer(request, error.status_code, code, said, headers=headers)


def _methods(request: Request) -> set[str]:
    """What the OpenAPI says that this address takes, over all of its routes."""
    return {
        method.upper()
        for path, methods in request.app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path)
        for method in methods
    }


async def _database(request: Request, error: sa.exc.SQLAlchemyError) -> JSONResponse:
    if is_full(error):
        log("api", "the disk of the database is full", level=logging.ERROR)
        return answer(
            request, 507, "DiskFull", "the disk of the database is full; free some space on the server"
        )
    if not is_away(error):
        return unforeseen(request, error)
    log("api", "the database is away", level=logging.ERROR, error=type(error).__name__)
    detail = "the database does not answer; try again in a moment"
    return answer(request, 503, "DatabaseAway", detail, headers={"Retry-After": "5"})


def unforeseen(request: Request, error: Exception) -> JSONResponse:
    """A bug: the log has it whole, the answer only the request's id."""
    logging.getLogger("slipcast.api").error("unforeseen %s", type(error).__name__, exc_info=error)
    return answer(
        request, 500, "Unexpected", "something unexpected happened; report it with the request's id"
    )
