"""Files of jobs: through the API, or by a signed link that needs no key. Content never changes."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from itsdangerous import BadSignature

from slipcast.service.api.auth import Parts, Reader
from slipcast.service.api.content import serve_content
from slipcast.service.api.errors import RESPONSES, Refused
from slipcast.service.api.jobs import JobId
from slipcast.service.api.models import JobFile
from slipcast.service.api.service import Service
from slipcast.service.jobs.states import FINAL, State
from slipcast.service.tenants import for_tenant

router = APIRouter(prefix="/v1", tags=["files"], responses=RESPONSES)
FileName = Annotated[str, Path(max_length=200)]


@router.get("/jobs/{job_id}/files", response_model=list[JobFile])
def list_files(job_id: JobId, service: Parts, caller: Reader) -> list[dict[str, Any]]:
    """All files of a job."""
    from slipcast.service.api.jobs import read_job

    files: list[dict[str, Any]] = read_job(service, caller, job_id)["files"]
    return files


@router.head("/jobs/{job_id}/files/{name}", include_in_schema=False, response_class=Response)
@router.get("/jobs/{job_id}/files/{name}", response_class=Response)
def get_file(job_id: JobId, name: FileName, request: Request, service: Parts, caller: Reader) -> Response:
    """One file of the result."""
    with service.database.read() as connection:
        found = for_tenant(connection, caller.tenant_id).file(job_id, name)
    return serve_content(service, request, found)


@router.head("/jobs/{job_id}/inputs/{name}", include_in_schema=False, response_class=Response)
@router.get("/jobs/{job_id}/inputs/{name}", response_class=Response)
def get_input(job_id: JobId, name: FileName, request: Request, service: Parts, caller: Reader) -> Response:
    """One picture as it was sent."""
    with service.database.read() as connection:
        found = for_tenant(connection, caller.tenant_id).file(job_id, name, role="input")
    return serve_content(service, request, found)


@router.head("/jobs/{job_id}/report", include_in_schema=False, response_class=Response)
@router.get("/jobs/{job_id}/report", response_class=Response)
def get_report(job_id: JobId, request: Request, service: Parts, caller: Reader) -> Response:
    """The report: the model to turn, all pictures, all checks on one page. 404 when none was asked for."""
    with service.database.read() as connection:
        files = for_tenant(connection, caller.tenant_id).files(job_id)
    found = next((each for each in files if each["name"].endswith(".report.html")), None)
    if found is None:
        raise Refused(404, "NotThere", "this job has no report (yet); ask for one with report: true")
    return serve_content(service, request, found, inline=True)


@router.post("/jobs/{job_id}/files/{name}/link")
def make_link(
    job_id: JobId, name: FileName, request: Request, service: Parts, caller: Reader
) -> dict[str, Any]:
    """An address for the file that works without a key for a while."""
    with service.database.read() as connection:
        found = for_tenant(connection, caller.tenant_id).file(job_id, name)
    return {
        "url": link_to(service, request, found),
        "expires_at": round(time.time() + service.settings.link_s, 3),
    }


@router.head("/links/{token}/{name}", include_in_schema=False, response_class=Response)
@router.get("/links/{token}/{name}", response_class=Response)
def open_link(
    token: Annotated[str, Path(max_length=1000)], name: FileName, request: Request, service: Parts
) -> Response:
    """A file by its signed address: no key needed, cacheable anywhere."""
    try:
        found = service.signer("link").loads(token, max_age=service.settings.link_s)
    except BadSignature:
        raise Refused(404, "NotThere", "this link is not good (any more); make a new one") from None
    if not isinstance(found, dict) or found.get("name") != name:
        raise Refused(404, "NotThere", "this link is not good (any more); make a new one")
    return serve_content(service, request, found, shared=True)


def own_job(job_id: JobId, service: Parts, caller: Reader) -> str:
    """The tenant whose job it is, found before a stream begins. Raises NotThere."""
    with service.database.read() as connection:
        for_tenant(connection, caller.tenant_id).job(job_id)
    return caller.tenant_id


@router.get("/jobs/{job_id}/events", response_class=EventSourceResponse)
async def stream_events(
    job_id: JobId,
    service: Parts,
    tenant_id: Annotated[str, Depends(own_job)],
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """What happens to a job, as it happens, from `Last-Event-ID` on; ends with the job."""
    after = int(last_event_id) if last_event_id and last_event_id.isdigit() and len(last_event_id) < 10 else 0

    def read() -> tuple[bool, list[Mapping[str, Any]]]:
        with service.database.read() as connection:
            own = for_tenant(connection, tenant_id)
            # Asked first: what ends in between has its last event in the list.
            return State(own.job(job_id)["state"]) in FINAL, own.events(job_id, after)

    news = service.broadcast.join(job_id)
    try:
        while True:
            news.clear()
            ended, events = await run_in_threadpool(read)
            for event in events:
                after = event["seq"]
                data = {"at": event["at"], **event["data"]}
                yield ServerSentEvent(raw_data=json.dumps(data), event=event["kind"], id=str(after))
                if event["kind"] in {state.value for state in FINAL}:
                    return
            if ended:  # a client that has seen the end comes back for what follows: nothing does
                return
            await news.wait()
            if service.draining:
                return
    finally:
        service.broadcast.leave(job_id, news)


def link_to(service: Service, request: Request, found: Mapping[str, Any]) -> str:
    """A signed address of a file.

    It begins with `public_url`, or with the address that the request came to on this machine: never with the name in
    its Host header, which whoever sends it chooses.
    """
    wanted = ("tenant_id", "sha256", "name", "mime", "bytes")
    token = service.signer("link").dumps({key: found[key] for key in wanted})
    base = service.settings.public_url.rstrip("/") or _own_address(request)
    return f"{base}/v1/links/{token}/{quote(str(found['name']))}"


def _own_address(request: Request) -> str:
    """Where the connection arrived; empty, for an address without host, where that is no host and port."""
    host, port = request.scope.get("server") or ("", None)
    if not host or port is None:
        return ""
    return f"{request.url.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
