"""The pages: sign in, make, watch, look, usage; tenants and queue for admins.

Rendered here with autoescape; the script only sends pictures and follows events. The content security policy lets
nothing be loaded from elsewhere and nothing run inline; a report, which has its script inside, is shown in a sandboxed
frame that has no origin.
"""

import hashlib
import math
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from slipcast.core.values import View
from slipcast.depth.models import AUTO, DEPTH_MODELS
from slipcast.formats.table import EXPORTERS
from slipcast.prepare.targets import TARGETS
from slipcast.reconstruct.dexels import DETAILS
from slipcast.service import keys, money, sessions
from slipcast.service.api.account import get_account
from slipcast.service.api.admin import get_queue, list_tenants
from slipcast.service.api.auth import COOKIE, Parts, authenticate, is_same_origin, key_text
from slipcast.service.api.errors import Refused
from slipcast.service.api.jobs import list_jobs, read_job
from slipcast.service.api.service import Service
from slipcast.service.jobs.options import AssetOptions
from slipcast.service.jobs.states import FINAL, State
from slipcast.service.keys import Caller
from slipcast.service.tenants import NotThere

ASSETS = Path(__file__).parent / "assets"
router = APIRouter(include_in_schema=False)
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_STATIC = {"app.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}
_TRIES_A_MINUTE = 20
_KINDS = {
    "convert": "from pictures",
    "make": "from words",
    "export": "another format",
    "inspect": "looked at for a printer",
}
"""Kind of job -> words for it."""
_FILES = {
    ".report.html": "the model to turn and all checks, on one page that works offline",
    ".preview.png": "the asset from four sides",
    ".print.json": "what a printer will say to it",
    ".json": "sizes, checks, options, where it comes from",
    ".glb": "for Blender, Godot, the web, viewers",
    ".fbx": "for Unity, Unreal, Maya",
    ".stl": "for slicers, without colours",
    ".3mf": "for slicers, with colours",
    ".obj": "for every modelling program",
    ".usdz": "for iPhone and Vision Pro",
    ".png": "a texture, or a picture",
}
"""End of a file's name -> what it is."""
_FORMATS = ("glb", "fbx", "stl", "3mf", "obj", "usdz")


@router.get("/")
def home() -> Response:
    """The page begins at /app."""
    return RedirectResponse("/app", 303)


@router.get("/login")
def show_login(service: Parts) -> Response:
    """Sign in with a key."""
    return _page("login.html.jinja", None, problem="")


@router.post("/login")
def login(request: Request, service: Parts, key: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Begin a session."""
    if request.headers.get("origin") and not is_same_origin(request):
        raise Refused(403, "ForeignOrigin", "sign in on the service's own page")
    host = request.client.host if request.client else ""
    if wait_s := service.limits.wait_s(f"login {host}", _TRIES_A_MINUTE):
        answer = _page("login.html.jinja", None, problem="Too many tries; wait a minute.", status=429)
        answer.headers["Retry-After"] = str(math.ceil(wait_s))
        return answer
    with service.database.read() as connection:
        caller = keys.find(connection, key.strip())
    if caller is None:
        problem = "This key is not good: it may have been mistyped, revoked, or its time is over."
        return _page("login.html.jinja", None, problem=problem, status=401)
    with service.database.write() as connection:
        sessions.end(connection, request.cookies.get(COOKIE, ""))
        cookie = sessions.begin(connection, caller, lasts_s=service.settings.session_s)
    answer = RedirectResponse("/app", 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=service.settings.session_s,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https" or service.settings.public_url.startswith("https"),
    )
    return answer


@router.post("/logout")
def logout(request: Request, service: Parts) -> Response:
    """End the session, at once and on the server."""
    if not is_same_origin(request):
        raise Refused(403, "ForeignOrigin", "sign out on the service's own page")
    if cookie := request.cookies.get(COOKIE, ""):
        with service.database.write() as connection:
            sessions.end(connection, cookie)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/app")
def show_home(request: Request, service: Parts, cursor: str = "") -> Response:
    """Make something; what was made before."""
    caller = _signed_in(request, service)
    if isinstance(caller, Response):
        return caller
    found = list_jobs(service, caller, limit=20, cursor=cursor[:64])
    return _page(
        "home.html.jinja",
        caller,
        jobs=found["jobs"],
        following=found["next"],
        first=not cursor,
        views=[view.value for view in View],
        formats=[key for key in _FORMATS if EXPORTERS[key].is_installed],
        targets=list(TARGETS.values()),
        details=list(DETAILS),
        depths=[AUTO, *DEPTH_MODELS],
        options=AssetOptions(),
        max_mb=service.settings.max_upload_mb,
        max_pictures=service.settings.max_pictures,
        words=service.settings.provider != "none",
    )


@router.get("/app/jobs/{job_id}")
def show_job_page(request: Request, job_id: str, service: Parts) -> Response:
    """One job: progress, then the model, its checks and its files."""
    caller = _signed_in(request, service)
    if isinstance(caller, Response):
        return caller
    try:
        job = read_job(service, caller, job_id)
    except NotThere:
        return _page("missing.html.jinja", caller, status=404)
    outputs = [each for each in job["files"] if each["role"] == "output"]
    return _page(
        "job.html.jinja",
        caller,
        job=job,
        outputs=outputs,
        pictures=[
            each for each in job["files"] if each["role"] == "input" and each["mime"].startswith("image/")
        ],
        model=any(each["name"].endswith(".glb") for each in outputs),
        formats=[key for key in _FORMATS if EXPORTERS[key].is_installed],
        targets=list(TARGETS.values()),
        report=any(each["name"].endswith(".report.html") for each in outputs),
        preview=next((each for each in outputs if each["name"].endswith(".preview.png")), None),
        ended=job["state"] in {state.value for state in FINAL},
    )


@router.get("/app/usage")
def show_usage(request: Request, service: Parts) -> Response:
    """What was made and spent this month."""
    caller = _signed_in(request, service)
    if isinstance(caller, Response):
        return caller
    since = money.period_starts(time.time())["month"]
    with service.database.read() as connection:
        rows = money.usage(connection, tenant_id=caller.tenant_id, since=since)
    return _page("usage.html.jinja", caller, account=get_account(service, caller), rows=rows)


@router.get("/app/admin")
def show_admin(request: Request, service: Parts) -> Response:
    """Tenants, queue, workers, spend."""
    caller = _signed_in(request, service)
    if isinstance(caller, Response):
        return caller
    if not caller.is_admin:
        return _page("missing.html.jinja", caller, status=404)
    return _page(
        "admin.html.jinja", caller, tenants=list_tenants(service, caller), queue=get_queue(service, caller)
    )


@router.get("/static/{name}")
def get_static(name: str) -> Response:
    """Style sheet and script; their address changes with their content."""
    if name not in _STATIC:
        raise Refused(404, "NotThere", "there is no such file")
    return Response(
        (ASSETS / name).read_bytes(),
        media_type=_STATIC[name],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


def _signed_in(request: Request, service: Service) -> Caller | Response:
    if key_text(request):
        return authenticate(request, service)
    try:
        return authenticate(request, service)
    except Refused as refused:
        if refused.status != 401:
            raise
        return RedirectResponse("/login", 303)


def _page(template: str, caller: Caller | None, *, status: int = 200, **words: Any) -> Response:
    text = _templates().get_template(template).render(caller=caller, **words)
    headers = {
        "Content-Security-Policy": CSP,
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        # With no-referrer a browser sends `Origin: null` with the page's own forms, and they look foreign.
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(text, status_code=status, headers=headers)


@cache
def _templates() -> jinja2.Environment:
    room = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.globals["static"] = _static
    room.globals["State"] = State
    room.filters["when"] = _when
    room.filters["size"] = _size
    room.filters["what"] = _what
    room.filters["kind"] = lambda kind: _KINDS.get(kind, kind)
    return room


def _static(name: str) -> str:
    tag = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{tag}"


def _when(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _what(name: str) -> str:
    """What a file is, for its reader."""
    for suffix, sentence in _FILES.items():
        if name.endswith(suffix):
            return sentence
    return ""


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit in ("B", "KB") else f"{count:.1f} {unit}"
        count /= 1000
    return ""
