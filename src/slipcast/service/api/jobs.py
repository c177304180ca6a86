"""`/v1/jobs`: create, read, list, cancel, delete; batches, estimates, exports and print checks."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Form, Path, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from slipcast.core.errors import BadInput
from slipcast.service import audit
from slipcast.service.api.auth import Parts, Reader, Writer
from slipcast.service.api.errors import RESPONSES, Refused
from slipcast.service.api.intake import check_given, derived_job, made_before, new_job, send
from slipcast.service.api.models import (
    BatchAnswer,
    BatchRequest,
    EstimateRequest,
    JobAnswer,
    JobList,
    JobRequest,
)
from slipcast.service.api.service import Service
from slipcast.service.database.tables import file, job
from slipcast.service.erase import lock_tenant
from slipcast.service.estimate import estimate_job
from slipcast.service.jobs import queue
from slipcast.service.jobs.options import AssetOptions, Later, PrintCheck
from slipcast.service.jobs.states import FINAL, State
from slipcast.service.jobs.view import show_job
from slipcast.service.keys import Caller
from slipcast.service.storage import unnamed
from slipcast.service.tenants import Scope, for_tenant
from slipcast.service.wording import near, say

router = APIRouter(prefix="/v1", tags=["jobs"], responses=RESPONSES)
_FORM = ("picture", "view", "options", "name", "priority", "cost_center")
JobId = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9_]+$", examples=["job_019ad0c5e4b1..."])]


@router.post("/jobs", status_code=202, response_model=JobAnswer)
def create_job(body: JobRequest, request: Request, service: Parts, caller: Writer) -> dict[str, Any]:
    """Make an asset of pictures (data URI or URL) or of words. `Idempotency-Key` makes it safe to send twice."""
    content = body.model_dump(mode="json")
    ids = made_before(service, caller, request, content)
    if ids is None:
        ids = send(service, caller, request, [new_job(service, caller, request, body)], content=content)
    return read_job(service, caller, ids[0])


@router.post("/jobs/upload", status_code=202, response_model=JobAnswer)
async def upload_job(
    request: Request,
    service: Parts,
    caller: Writer,
    picture: Annotated[list[UploadFile], "The front, and other sides if there are any."],
    view: Annotated[list[str] | None, Form(description="Each picture's side, in their order.")] = None,
    options: Annotated[
        str, Form(description="JSON, as `options` of POST /v1/jobs.", max_length=10_000)
    ] = "{}",
    name: Annotated[str, Form(max_length=80)] = "",
    priority: Annotated[int, Form(ge=-10, le=10)] = 0,
    cost_center: Annotated[str, Form(max_length=60)] = "",
) -> dict[str, Any]:
    """The same for files: `curl -F picture=@knight.png`."""
    chosen = _options(options)
    await _check_form(request)
    sides = view or (["front"] if len(picture) == 1 else [])
    if len(sides) != len(picture):
        raise BadInput(
            f"{_count(len(picture), 'picture')} came with {_count(len(sides), 'view')}; name one for each",
            field="view",
        )
    most = service.settings.max_upload_mb * 2**20
    if len(picture) > service.settings.max_pictures:
        raise BadInput(f"{len(picture)} pictures are too many; send at most {service.settings.max_pictures}")
    read = [(await each.read(most + 1), each.filename or "picture") for each in picture]
    stem = (read[0][1].rsplit(".", 1)[0] or "figurine")[:80]
    body = JobRequest.model_construct(
        pictures=[],
        words=None,
        options=chosen,
        name=_name(name or stem),
        priority=priority,
        cost_center=_center(cost_center),
    )

    def work() -> dict[str, Any]:
        given = [
            check_given(service, data, title, side) for (data, title), side in zip(read, sides, strict=True)
        ]
        content = [options, sides, body.name, priority, cost_center, [_sum(each.data) for each in given]]
        ids = made_before(service, caller, request, content)
        if ids is None:
            new = new_job(service, caller, request, body, pictures=given)
            ids = send(service, caller, request, [new], content=content)
        return read_job(service, caller, ids[0])

    return await run_in_threadpool(work)


@router.post("/batches", status_code=202, response_model=BatchAnswer)
def create_batch(body: BatchRequest, request: Request, service: Parts, caller: Writer) -> dict[str, Any]:
    """Many jobs at once: all are taken or none."""
    content = body.model_dump(mode="json")
    ids = made_before(service, caller, request, content)
    if ids is None:
        batch_id = queue.new_id("batch")
        new = [new_job(service, caller, request, each, batch_id=batch_id) for each in body.jobs]
        ids = send(service, caller, request, new, content=content)
    with service.database.read() as connection:
        found = str(for_tenant(connection, caller.tenant_id).job(ids[0])["batch_id"])
    return _batch(service, caller, found)


@router.get("/batches/{batch_id}", response_model=BatchAnswer)
def get_batch(batch_id: JobId, service: Parts, caller: Reader) -> dict[str, Any]:
    """How far a batch is."""
    return _batch(service, caller, batch_id)


@router.get("/jobs", response_model=JobList)
def list_jobs(
    service: Parts,
    caller: Reader,
    state: Annotated[State | None, Query()] = None,
    batch_id: Annotated[str | None, Query(max_length=64)] = None,
    cost_center: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str, Query(max_length=64, description="`next` of the page before.")] = "",
) -> dict[str, Any]:
    """The newest jobs first."""
    if cursor and not cursor.startswith("job_"):
        raise BadInput(
            f"cursor {cursor!r} is none of ours; take what `next` says in the answer before", field="cursor"
        )
    with service.database.read() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        query = scope.jobs()
        for column, value in (
            (job.c.state, state),
            (job.c.batch_id, batch_id),
            (job.c.cost_center, cost_center),
        ):
            if value is not None:
                query = query.where(column == value)
        if cursor:
            query = query.where(job.c.id < cursor)
        rows = connection.execute(query.order_by(job.c.id.desc()).limit(limit + 1)).mappings().all()
        files = scope.files_of([row["id"] for row in rows[:limit]])
        shown = [_show(dict(row), scope, files[row["id"]]) for row in rows[:limit]]
    return {"jobs": shown, "next": shown[-1]["id"] if len(rows) > limit else None}


@router.get("/jobs/{job_id}", response_model=JobAnswer)
def get_job(job_id: JobId, service: Parts, caller: Reader) -> dict[str, Any]:
    """One job."""
    return read_job(service, caller, job_id)


@router.post("/jobs/{job_id}/cancel", response_model=JobAnswer)
def cancel_job(job_id: JobId, service: Parts, caller: Writer) -> dict[str, Any]:
    """Cancel it: at once while it waits, within seconds while it runs. 409 when it has ended."""
    with service.database.write() as connection:
        row = for_tenant(connection, caller.tenant_id).job(job_id, lock=True)
        if queue.cancel(connection, job_id) is None:
            raise Refused(409, "HasEnded", f"the job is {row['state']} already; it cannot be cancelled")
        audit.record(
            connection, actor=caller.actor, action="job.cancel", target=job_id, tenant=caller.tenant_id
        )
    return read_job(service, caller, job_id)


@router.delete("/jobs/{job_id}", status_code=204)
def delete_job(job_id: JobId, service: Parts, caller: Writer) -> None:
    """Remove an ended job and its files. What it cost stays in the ledger."""
    with service.database.write() as connection:
        row = for_tenant(connection, caller.tenant_id).job(job_id, lock=True)
        if State(row["state"]) not in FINAL:
            raise Refused(409, "NotEnded", f"the job is {row['state']}; cancel it first")
        lock_tenant(connection, caller.tenant_id)
        for sha256 in forget_jobs(connection, caller.tenant_id, [job_id]):
            service.store.delete(caller.tenant_id, sha256)
        audit.record(
            connection, actor=caller.actor, action="job.delete", target=job_id, tenant=caller.tenant_id
        )


@router.post("/jobs/{job_id}/exports", status_code=202, response_model=JobAnswer)
def export_job(
    job_id: JobId, body: Later, request: Request, service: Parts, caller: Writer
) -> dict[str, Any]:
    """Other formats or another size of a finished asset: a job of its own. The asset must hold a GLB."""
    return derive(service, caller, request, job_id, "export", body.model_dump(mode="json"))


@router.post("/jobs/{job_id}/inspections", status_code=202, response_model=JobAnswer)
def inspect_job(
    job_id: JobId, body: PrintCheck, request: Request, service: Parts, caller: Writer
) -> dict[str, Any]:
    """Whether a finished asset can be printed: walls, islands, weight. A job of its own."""
    return derive(service, caller, request, job_id, "inspect", body.model_dump(mode="json"))


@router.post("/estimates")
def make_estimate(body: EstimateRequest, service: Parts, caller: Reader) -> dict[str, Any]:
    """Time, from what was measured here, and money, from the price table."""
    return estimate_job(service.database, service.settings, caller.tenant_id, body.options, body.words)


def derive(
    service: Service,
    caller: Caller,
    request: Request,
    job_id: str,
    kind: Literal["export", "inspect"],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """A job on another job's GLB."""
    with service.database.read() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        row = scope.job(job_id)
        if row["state"] != State.SUCCEEDED:
            raise Refused(
                409, "NotSucceeded", f"the job is {row['state']}; only a finished asset can be used"
            )
        found = [each for each in scope.files(job_id) if each["role"] == "output"]
    source = next((each for each in found if each["name"].endswith(".glb")), None)
    if source is None:
        raise Refused(409, "NoGlb", "the asset was written without glb; make it with glb among its formats")
    new = derived_job(request, row, source, kind=kind, options=options)
    ids = send(service, caller, request, [new], content=dict(options))
    return read_job(service, caller, ids[0])


def read_job(service: Service, caller: Caller, job_id: str) -> dict[str, Any]:
    """A job of the caller's, as it is shown. Raises NotThere."""
    with service.database.read() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        row = scope.job(job_id)
        return _show(row, scope, scope.files_of([job_id])[job_id], position=True)


def forget_jobs(connection: sa.Connection, tenant_id: str, ids: list[str]) -> list[str]:
    """Delete ended jobs' rows; returns the contents that no row of the tenant needs any more."""
    sums = set(connection.scalars(sa.select(file.c.sha256).where(file.c.job_id.in_(ids))))
    connection.execute(sa.delete(file).where(file.c.job_id.in_(ids)))
    connection.execute(sa.delete(job).where(job.c.tenant_id == tenant_id, job.c.id.in_(ids)))
    return sorted(unnamed(for_tenant(connection, tenant_id), sums))


def _show(
    row: Mapping[str, Any], scope: Scope, files: Sequence[Mapping[str, Any]], *, position: bool = False
) -> dict[str, Any]:
    shown = show_job(row, files)
    for each in shown["files"]:
        role = "inputs" if each["role"] == "input" else "files"
        each["url"] = f"/v1/jobs/{row['id']}/{role}/{quote(each['name'])}"
    shown["queue_position"] = None
    if position and row["state"] == State.QUEUED:
        before = sa.select(sa.func.count()).where(
            job.c.state == State.QUEUED,
            job.c.tenant_id == scope.tenant_id,
            sa.or_(
                job.c.priority > row["priority"],
                sa.and_(job.c.priority == row["priority"], job.c.id < row["id"]),
            ),
        )
        shown["queue_position"] = int(scope.connection.scalar(before) or 0) + 1
    return shown


def _batch(service: Service, caller: Caller, batch_id: str) -> dict[str, Any]:
    with service.database.read() as connection:
        query = for_tenant(connection, caller.tenant_id).jobs().where(job.c.batch_id == batch_id)
        rows = connection.execute(query.order_by(job.c.id)).mappings().all()
    if not rows:
        raise Refused(404, "NotThere", f"there is no batch {batch_id}; look at the list of yours")
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    return {"id": batch_id, "jobs": [row["id"] for row in rows], "states": states}


def _options(text: str) -> AssetOptions:
    try:
        return AssetOptions.model_validate(json.loads(text))
    except json.JSONDecodeError as problem:
        raise BadInput(
            f'options is no JSON: {problem}; send an object such as {{"detail": "draft"}}', field="options"
        ) from None
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(["options", *(str(part) for part in first["loc"])])
        raise BadInput(say(first, field, AssetOptions.model_fields), field=field) from None


async def _check_form(request: Request) -> None:
    """Raise BadInput for a field that the form does not have: a misspelt one must not be lost."""
    for name in await request.form():
        if name not in _FORM:
            raise BadInput(f"{name} is unknown; {near(name, _FORM)}", field=name)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _name(text: str) -> str:
    plain = "".join(c if c.isalnum() or c in "_ .-" else "_" for c in text).lstrip(". -")[:80].strip()
    return plain or "figurine"


def _center(text: str) -> str:
    if not all(c.isalnum() or c in "_ .:/-" for c in text):
        raise BadInput("cost_center may hold letters, digits, spaces and _ . : / - only", field="cost_center")
    return text


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
