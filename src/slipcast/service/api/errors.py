"""Errors as RFC 9457 problem+json: `code` is the library's own class name, `status` comes from its table.

No answer holds a path, a key or a stack: what nobody foresaw is a bare 500 with the request's id, and the log has the
rest. The Meshy-shaped routes word theirs as Meshy does.
"""

import difflib
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from slipcast.core.errors import SlipcastError, status_of
from slipcast.service.errors import LimitReached, code_of
from slipcast.service.jobs.submit import KeyReused
from slipcast.service.logs import log
from slipcast.service.tenants import NotThere

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
    """Turn everything that is raised into a problem."""
    _handle(app, Refused, _refused)
    _handle(app, SlipcastError, _library)
    _handle(app, RequestValidationError, _invalid)
    _handle(app, ValidationError, _invalid)
    _handle(app, HTTPException, _http)
    _handle(app, sa.exc.OperationalError, _database)
    app.add_exception_handler(Exception, _unforeseen)


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
    place = [str(part) for part in first.get("loc", ())]
    if place and place[0] in ("body", "query", "path", "header", "cookie"):
        place = place[1:]
    field = "" if first.get("type") == "json_invalid" else ".".join(place)
    return answer(request, 422, "BadInput", _sentence(first, field)[:500], field=field)


_BOUNDS = {
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "greater_than": "more than {gt}",
    "less_than": "less than {lt}",
}
"""pydantic's kind of error -> what to give."""


def _sentence(entry: Mapping[str, Any], field: str) -> str:
    """What is wrong, and what to do, where pydantic's own words say neither."""
    said = str(entry.get("msg", "is wrong")).removeprefix("Value error, ")
    kind = entry.get("type")
    if kind == "extra_forbidden":
        name = field.rpartition(".")[2]
        near = difflib.get_close_matches(name, _known_fields(), n=1)
        return f"{field} is unknown; {f'did you mean {near[0]}?' if near else '/openapi.json lists what there is'}"
    if kind == "json_invalid":
        reason = dict(entry.get("ctx") or {}).get("error", "it breaks off")
        return f"the body is no JSON: {reason}; send valid JSON"
    if kind == "missing":
        return f"{field or 'the body'} is missing; give it"
    if "UploadFile" in said:
        return f"{field.partition('.')[0]} must be a file; with curl: -F {field.partition('.')[0]}=@owl.png"
    if field and kind in _BOUNDS:
        bound = _BOUNDS[str(kind)].format(**dict(entry.get("ctx") or {}))
        return f"{field} is {str(entry.get('input'))[:40]}; give {bound}"
    return f"{field}: {said}" if field else said


@cache
def _known_fields() -> list[str]:
    """Every field that a request may have."""
    from slipcast.service.api import models
    from slipcast.service.jobs import options

    return sorted(
        {
            field
            for room in (models, options)
            for each in vars(room).values()
            if isinstance(each, type) and issubclass(each, BaseModel)
            for field in each.model_fields
        }
    )


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    codes = {404: "NotThere", 405: "MethodNotAllowed", 413: "TooLarge", 400: "BadRequest"}
    words = {
        404: "there is nothing at this address; /openapi.json lists what there is",
        405: f"this address does not take {request.method}; /openapi.json lists what it takes",
    }
    plain = error.detail in ("Not Found", "Method Not Allowed")
    return answer(
        request,
        error.status_code,
        codes.get(error.status_code, "Refused"),
        words.get(error.status_code, "") if plain else str(error.detail),
        headers=error.headers,
    )


async def _database(request: Request, error: sa.exc.OperationalError) -> JSONResponse:
    log("api", "the database is away", level=logging.ERROR, error=type(error.orig).__name__)
    detail = "the database does not answer; try again in a moment"
    return answer(request, 503, "DatabaseAway", detail, headers={"Retry-After": "5"})


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    logging.getLogger("slipcast.api").error("unforeseen %s", type(error).__name__, exc_info=error)
    return answer(
        request, 500, "Unexpected", "something unexpected happened; report it with the request's id"
    )
