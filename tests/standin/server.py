"""The stand-in's HTTP side: which request gets which answer, and a record of what came.

A scenario is chosen by, in this order: the queue (`standin.queue("429:retry=0.1", "ok")`, one a call), a mark in the
prompt (`... [[no_image]]`), `standin.choose` (a function of the prompt), `standin.default`.
"""

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from standin import answers
from standin.answers import Json


@dataclass
class Call:
    """One request for a picture, as it came."""

    at: float
    """time.monotonic()"""
    path: str
    body: Json
    text: str
    scenario: str = ""
    served: bool = False
    """Whether a whole picture went out: what the real API would bill."""
    headers: dict[str, str] = field(default_factory=dict)


class Standin:
    """The server; use it as a context manager."""

    def __init__(
        self, *, default: str = "ok", sample: bytes = b"", key: str | None = None, port: int = 0
    ) -> None:
        """`sample`: the picture that every answer holds; `key`: the only key that is let in; `port`: 0 for any."""
        self.default = default
        self.sample = sample
        self.key = key
        self.choose: Callable[[str, int], str] | None = None
        """Scenario for a prompt and the number of times that it came before."""
        self.calls: list[Call] = []
        self.batches: dict[str, Json] = {}
        self.files: dict[str, bytes] = {}
        self.batch_polls = 1
        self._queue: list[str] = []
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._number = 0
        handler = type("Bound", (_Handler,), {"standin": self})
        self._http = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def queue(self, *scenarios: str) -> None:
        """The next calls' scenarios, one each."""
        with self._lock:
            self._queue.extend(scenarios)

    @property
    def served(self) -> list[Call]:
        """The calls that got a whole picture."""
        return [call for call in self.calls if call.served]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def note(self, call: Call) -> str:
        """Record a call and choose its scenario."""
        marks = re.findall(r"\[\[([\w:=.,]+)\]\]", call.text)
        with self._lock:
            before = self._seen.get(call.text, 0)
            self._seen[call.text] = before + 1
            if self._queue:
                call.scenario = self._queue.pop(0)
            elif marks:
                call.scenario = marks[-1]
            else:
                call.scenario = self.choose(call.text, before) if self.choose else self.default
            self.calls.append(call)
        return call.scenario

    def number(self) -> int:
        """A new number, for ids."""
        with self._lock:
            self._number += 1
            return self._number


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with the usual 5, bursts of clients wait a second for their connection


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer on a kept connection takes 40 ms
    standin: ClassVar[Standin]

    def log_message(self, format: str, *values: object) -> None:
        """Be silent."""

    def handle(self) -> None:
        """Take it calmly when a client goes away."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Batches and files."""
        self._route("GET")

    def do_POST(self) -> None:
        """Pictures, batches, uploads."""
        self._route("POST")

    def do_DELETE(self) -> None:
        """Batches."""
        self._route("DELETE")

    def _route(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        key = self.headers.get("x-goog-api-key")
        upload = re.fullmatch(r"/put/(\w+)", path)
        if upload:
            self.standin.files[upload[1]] = raw
            meta = {"name": f"files/{upload[1]}", "sizeBytes": str(len(raw)), "state": "ACTIVE"}
            return self._send(200, {"file": meta}, {"x-goog-upload-status": "final"})
        if not key and "Authorization" not in self.headers:
            return self._send(*answers.error("403", {}))
        if key and self.standin.key not in (None, key):
            return self._send(*answers.error("400_key", {}))
        if m := re.fullmatch(r"/v\w+/(?:projects/.+/publishers/google/)?models/([^:/]+):(\w+)", path):
            return self._model(m[1], m[2], answers.camel(json.loads(raw)))
        if re.fullmatch(r"/upload/v\w+/files", path):
            link = f"{self.standin.url}/put/f{self.standin.number()}"
            return self._send(200, {}, {"x-goog-upload-url": link, "x-goog-upload-status": "active"})
        if m := re.fullmatch(r"/v\w+/files/(\w+):download", path):
            return self._raw(200, self.standin.files[m[1]], "application/octet-stream")
        if m := re.fullmatch(r"/v\w+/batches(?:/(\w+))?(:cancel)?", path):
            return self._batch(method, m[1], cancel=bool(m[2]))
        return self._send(*answers.error("404", {}))

    def _model(self, model: str, verb: str, body: Json) -> None:
        if verb == "batchGenerateContent":
            return self._new_batch(model, body["batch"])
        text = answers.text_of(body)
        call = Call(
            at=time.monotonic(), path=self.path, body=body, text=text, headers=dict(self.headers.items())
        )
        scenario, values = _parsed(self.standin.note(call))
        refused = answers.refusal(model, body.get("generationConfig", {}))
        if refused:
            return self._send(*refused)
        if "delay" in values:
            time.sleep(float(values["delay"]))
        if scenario in answers.ERRORS:
            header = {"Retry-After": values["after"]} if "after" in values else {}
            return self._send(*answers.error(scenario, values), header)
        whole = answers.answer(model, body, scenario, values, self.standin.number(), self.standin.sample)
        if scenario in answers.TRANSPORT:
            return self._break(scenario, json.dumps(whole).encode(), values)
        call.served = scenario in ("ok", "jpeg", "thoughts", "three")
        if "stream" in verb:
            return self._stream(answers.chunks(whole))
        return self._send(200, whole)

    def _break(self, scenario: str, data: bytes, values: dict[str, str]) -> None:
        if scenario == "html_502":
            return self._raw(502, b"<html><title>502 Bad Gateway</title></html>", "text/html")
        if scenario == "echo_key":
            body = {
                "error": {
                    "code": 403,
                    "status": "X",
                    "message": f"key {self.headers['x-goog-api-key']} is odd",
                }
            }
            return self._send(403, body)
        if scenario == "bad_json":
            return self._raw(200, data[: len(data) // 2], "application/json")
        if scenario == "empty_body":
            return self._raw(200, b"", "application/json")
        if scenario == "drop":
            return self._hang_up()
        if scenario == "stream_drop":
            self._stream(answers.chunks(json.loads(data))[:1], whole=False)
            return self._hang_up()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if scenario == "drop_body":
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            return self._hang_up()
        for place in range(int(values.get("bytes", "20"))):  # trickle: no single read takes long
            self.wfile.write(data[place : place + 1])
            self.wfile.flush()
            time.sleep(0.1)
        return self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _stream(self, pieces: list[Json], *, whole: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            data = f"data: {json.dumps(piece)}\r\n\r\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        if whole:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, code: int, body: Json, headers: dict[str, str] | None = None) -> None:
        self._raw(code, json.dumps(body).encode(), "application/json; charset=UTF-8", headers)

    def _raw(self, code: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    # Batches: pending, then done after `batch_polls` polls.

    def _new_batch(self, model: str, batch: Json) -> None:
        config = batch["inputConfig"]
        if "fileName" in config:
            lines = self.standin.files[config["fileName"].removeprefix("files/")].decode().splitlines()
            requests = [answers.camel(json.loads(line)) for line in lines if line.strip()]
        else:
            requests = config["requests"]["requests"]
        name = f"b{self.standin.number()}"
        title = batch.get("displayName", "")
        made: Json = {
            "model": model,
            "requests": requests,
            "polls": 0,
            "title": title,
            "file": "fileName" in config,
        }
        self.standin.batches[name] = made
        self._send(200, self._job(name))

    def _batch(self, method: str, name: str | None, *, cancel: bool) -> None:
        if name is None:
            return self._send(200, {"operations": [self._job(known) for known in self.standin.batches]})
        if name not in self.standin.batches:
            return self._send(*answers.error("404", {}))
        if method == "DELETE":
            del self.standin.batches[name]
            return self._send(200, {})
        batch = self.standin.batches[name]
        if cancel:
            batch["state"] = "CANCELLED"
            return self._send(200, {})
        batch["polls"] += 1
        return self._send(200, self._job(name))

    def _job(self, name: str) -> Json:
        batch = self.standin.batches[name]
        done = batch["polls"] > self.standin.batch_polls
        state = batch.get("state") or ("SUCCEEDED" if done else "PENDING")
        now = "2026-11-22T06:00:00Z"
        meta: Json = {
            "name": f"batches/{name}",
            "model": f"models/{batch['model']}",
            "displayName": batch["title"],
            "state": f"BATCH_STATE_{state}",
            "createTime": now,
            "updateTime": now,
        }
        job: Json = {"name": f"batches/{name}", "metadata": meta}
        if state == "SUCCEEDED":
            output = self._output(name, batch)
            meta |= {"endTime": now, "output": output}
            job |= {"done": True, "response": output}
        return job

    def _output(self, name: str, batch: Json) -> Json:
        results = []
        for entry in batch["requests"]:
            request = entry.get("request", entry)
            scenario, values = _parsed(
                (re.findall(r"\[\[([\w:=.,]+)\]\]", answers.text_of(request)) or ["ok"])[-1]
            )
            result: Json = {key: entry[key] for key in ("metadata", "key") if key in entry}
            if scenario in answers.ERRORS:
                code, body = answers.error(scenario, values)
                result["error"] = {"code": code, "message": body["error"]["message"]}
            else:
                number, sample = self.standin.number(), self.standin.sample
                result["response"] = answers.answer(batch["model"], request, scenario, values, number, sample)
            results.append(result)
        if batch["file"]:
            self.standin.files[f"out{name}"] = "\n".join(json.dumps(result) for result in results).encode()
            return {"responsesFile": f"files/out{name}"}
        return {"inlinedResponses": {"inlinedResponses": results}}


def _parsed(scenario: str) -> tuple[str, dict[str, str]]:
    name, _, rest = scenario.partition(":")
    pairs: list[Any] = [pair.partition("=")[::2] for pair in rest.split(",") if pair]
    return name, dict(pairs)
