"""Many pictures at half price within a day: Gemini's Batch API.

submit -> (the job's name is kept in a database) -> poll -> collect, all three in different processes if need be. A job
is noted before it is sent, under a title of its own, so that a crash between sending and noting its name loses
nothing: the title finds it again. Results are told apart by the request's key in their metadata, never by order, and
each is checked by itself: a job that succeeded may hold requests that did not.
"""

import base64
import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipcast.core.errors import BadInput, ProviderError, SlipcastError
from slipcast.core.values import View
from slipcast.generate.providers.gemini.answers import read_answer
from slipcast.generate.providers.gemini.errors import clean, from_status
from slipcast.generate.providers.gemini.provider import Gemini, config_of, contents_of, foreign_errors
from slipcast.generate.request import CallFailed, PictureAnswer, PictureRequest, Reference
from slipcast.generate.stock.database import Database

if TYPE_CHECKING:
    from google.genai.types import BatchJob

INLINE_BYTES = 18_000_000
"""The vendor takes 20 MB of inline requests; larger batches go as a file."""
ENDED = ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    title TEXT PRIMARY KEY, name TEXT DEFAULT '', endpoint TEXT, model TEXT, state TEXT, made REAL, out TEXT,
    requests TEXT, ledger TEXT, tenant TEXT, collected INTEGER DEFAULT 0);
"""
_GRPC = {1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401}
"""google.rpc codes, in which a batch words its errors -> HTTP statuses."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A batch as it is known here."""

    title: str
    name: str
    """The vendor's; empty while it is being submitted."""
    endpoint: str
    model: str
    state: str
    made: float
    out: str
    """Folder for the pictures."""
    tenant: str
    requests: Mapping[str, PictureRequest]
    """Key -> request."""
    ledger: Mapping[str, int]
    """Key -> number in the ledger."""
    collected: bool

    @property
    def ended(self) -> bool:
        """Whether the vendor is done with it."""
        return self.state in ENDED


class Batches:
    """The jobs of this machine."""

    def __init__(self, folder: Path) -> None:
        """Open or make the list in `folder`. Raises BadInput when it cannot be written."""
        self._db = Database(folder / "batches.sqlite", _TABLES)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        return [_job_of(row) for row in self._db.read("SELECT * FROM jobs ORDER BY made")]

    def close(self) -> None:
        """Close the list."""
        self._db.close()

    async def submit(
        self,
        gemini: Gemini,
        requests: Iterable[PictureRequest],
        *,
        out: Path,
        tenant: str,
        ledger: Mapping[str, int],
    ) -> Job:
        """Send one job for `requests`, which must all name the same model; returns it with its name.

        Raises BadInput for no request or several models, ProviderError when it cannot be sent: it stays listed as
        `submitting`, and `refresh` finds out whether it arrived.
        """
        asked = {request.key(gemini.endpoint): request for request in requests}
        models = {request.model for request in asked.values()}
        if len(models) != 1:
            raise BadInput(f"a batch needs requests for one model, not for {len(models)}")
        title, model = f"slipcast-{secrets.token_hex(8)}", models.pop()
        packed = json.dumps({key: pack(request) for key, request in asked.items()})
        with self._db.write() as db:
            db.execute(
                "INSERT INTO jobs (title, endpoint, model, state, made, out, requests, ledger, tenant)"
                " VALUES (?,?,?,'submitting',?,?,?,?,?)",
                (
                    title,
                    gemini.endpoint,
                    model,
                    time.time(),
                    str(out),
                    packed,
                    json.dumps(dict(ledger)),
                    tenant,
                ),
            )
        await self._guarded(gemini, model, self._send(gemini, model, title, asked))
        return self._one(title)

    async def refresh(self, gemini: Gemini, job: Job) -> Job:
        """Ask how `job` stands; LOST is one that never arrived. Raises ProviderError when it cannot be found out."""
        name = job.name or await self._guarded(gemini, job.model, self._find(gemini, job.title))
        if not name:
            with self._db.write() as db:
                db.execute("UPDATE jobs SET state='LOST' WHERE title=?", (job.title,))
            return self._one(job.title)
        remote = await self._guarded(gemini, job.model, gemini.client.aio.batches.get(name=name))
        self._note(job.title, name, remote)
        return self._one(job.title)

    async def results(self, gemini: Gemini, job: Job) -> dict[str, PictureAnswer | SlipcastError]:
        """Key -> picture or error, for every request of an ended job."""
        remote = await self._guarded(gemini, job.model, gemini.client.aio.batches.get(name=job.name))
        found = await self._guarded(gemini, job.model, _pieces(gemini, remote))
        missing = ProviderError(f"batch {job.name} is {job.state.lower()} without an answer to this request")
        return {key: _result(found[key], job.model) if key in found else missing for key in job.requests}

    async def cancel(self, gemini: Gemini, job: Job) -> None:
        """Ask the vendor to stop `job`."""
        if job.name and not job.ended:
            await self._guarded(gemini, job.model, gemini.client.aio.batches.cancel(name=job.name))

    def mark_collected(self, job: Job) -> None:
        """Note that all results of `job` are on disk."""
        with self._db.write() as db:
            db.execute("UPDATE jobs SET collected=1 WHERE title=?", (job.title,))

    def drop(self, job: Job) -> None:
        """Forget `job`."""
        with self._db.write() as db:
            db.execute("DELETE FROM jobs WHERE title=?", (job.title,))

    async def _send(
        self, gemini: Gemini, model: str, title: str, asked: Mapping[str, PictureRequest]
    ) -> None:
        from google.genai import types

        entries = [
            types.InlinedRequest(contents=[types.Content(role="user", parts=contents_of(request))],
                                 config=config_of(request), metadata={"key": key})
            for key, request in asked.items()
        ]  # fmt: skip
        size = sum(len(r.data) * 4 // 3 + 2000 for request in asked.values() for r in request.references)
        source: Any = entries
        if size + 4000 * len(asked) > INLINE_BYTES:
            source = await _as_file(gemini, title, asked)
        job = await gemini.client.aio.batches.create(
            model=model, src=source, config=types.CreateBatchJobConfig(display_name=title)
        )
        self._note(title, job.name or "", job)

    async def _find(self, gemini: Gemini, title: str) -> str:
        async for job in await gemini.client.aio.batches.list():
            if job.display_name == title:
                return job.name or ""
        return ""

    async def _guarded(self, gemini: Gemini, model: str, call: Any) -> Any:
        """Await `call`; a foreign error becomes one of ours."""
        failed: CallFailed | None = None
        try:
            return await call
        except foreign_errors() as problem:
            failed = gemini.explain(problem, model)
        raise failed.error

    def _note(self, title: str, name: str, job: "BatchJob") -> None:
        state = job.state.name.removeprefix("JOB_STATE_") if job.state else "PENDING"
        with self._db.write() as db:
            db.execute("UPDATE jobs SET name=?, state=? WHERE title=?", (name, state, title))

    def _one(self, title: str) -> Job:
        return _job_of(self._db.read("SELECT * FROM jobs WHERE title=?", (title,))[0])


def pack(request: PictureRequest) -> dict[str, object]:
    """A request as JSON-ready data."""
    return {
        "text": request.text,
        "subject": request.subject,
        "view": request.view.value,
        "model": request.model,
        "ratio": request.ratio,
        "size": request.size,
        "thinking": request.thinking,
        "take": request.take,
        "name": request.name,
        "facts": [list(pair) for pair in request.facts],
        "references": [
            {"data": base64.b64encode(r.data).decode(), "mime": r.mime} for r in request.references
        ],
    }


def unpack(row: Mapping[str, Any]) -> PictureRequest:
    """The request that `pack` packed."""
    rest = dict(row)
    references = tuple(
        Reference(data=base64.b64decode(r["data"]), mime=r["mime"]) for r in rest.pop("references")
    )
    facts = tuple((str(key), value) for key, value in rest.pop("facts"))
    return PictureRequest(references=references, facts=facts, view=View(rest.pop("view")), **rest)


def _job_of(row: sqlite3.Row) -> Job:
    return Job(
        title=row["title"],
        name=row["name"],
        endpoint=row["endpoint"],
        model=row["model"],
        state=row["state"],
        made=row["made"],
        out=row["out"],
        tenant=row["tenant"],
        requests={key: unpack(packed) for key, packed in json.loads(row["requests"]).items()},
        ledger=json.loads(row["ledger"]),
        collected=bool(row["collected"]),
    )


async def _as_file(gemini: Gemini, title: str, asked: Mapping[str, PictureRequest]) -> str:
    """Upload the requests as JSON lines; returns the file's name. REST's field names, not the SDK's."""
    import io

    from google.genai import types

    lines = []
    for key, request in asked.items():
        pictures = [
            {"inline_data": {"mime_type": r.mime, "data": base64.b64encode(r.data).decode()}}
            for r in request.references
        ]
        config: dict[str, object] = {
            "response_modalities": ["IMAGE"],
            "image_config": {"aspect_ratio": request.ratio, "image_size": request.size},
        }
        if request.thinking:
            config["thinking_config"] = {"thinking_level": request.thinking.upper()}
        contents = [{"role": "user", "parts": [*pictures, {"text": request.text}]}]
        lines.append(json.dumps({"key": key, "request": {"contents": contents, "generation_config": config}}))
    upload = types.UploadFileConfig(mime_type="application/jsonl", display_name=title)
    made = await gemini.client.aio.files.upload(file=io.BytesIO("\n".join(lines).encode()), config=upload)
    return made.name or ""


async def _pieces(gemini: Gemini, job: "BatchJob") -> dict[str, Mapping[str, Any]]:
    """Key -> `response` (the SDK's object) or `error` (a mapping) of an ended job."""
    from google.genai import types

    found: dict[str, Mapping[str, Any]] = {}
    if job.dest and job.dest.inlined_responses:
        for entry in job.dest.inlined_responses:
            key = str((entry.metadata or {}).get("key", ""))
            error = {"code": entry.error.code, "message": entry.error.message} if entry.error else None
            found[key] = {"response": entry.response, "error": error}
    elif job.dest and job.dest.file_name:
        data = await gemini.client.aio.files.download(file=job.dest.file_name)
        for line in data.decode("utf-8").splitlines():
            row = json.loads(line) if line.strip() else {}
            if "key" in row:
                whole = (
                    types.GenerateContentResponse.model_validate(row["response"])
                    if "response" in row
                    else None
                )
                found[str(row["key"])] = {"response": whole, "error": row.get("error")}
    return found


def _result(piece: Mapping[str, Any], model: str) -> PictureAnswer | SlipcastError:
    if piece["error"]:
        code = int(piece["error"].get("code") or 13)
        return from_status(
            _GRPC.get(code, code), clean(piece["error"].get("message")), None, model=model
        ).error
    if piece["response"] is None:
        return ProviderError("the batch holds no answer to this request; ask again")
    try:
        return read_answer(piece["response"])
    except CallFailed as failed:
        return failed.error
