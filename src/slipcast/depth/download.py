"""A depth model's name -> its files on this machine: looked for offline, fetched only when asked to.

`find` never touches the network and imports nothing heavy; converting uses it alone. `pull` fetches what
models/manifest.toml lists, or any hub id, over HTTPS, compares size and sha256 and puts the folder in place
whole. A file whose sum the manifest does not know is compared with the sum that the hub states for it, and
the sum is written down beside it: that proves a complete download, not its author; the result says so.

Rejected: huggingface_hub's own download, which retries an unreachable network for half a minute and takes a
file that differs from what was published when it was published under another sum.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import threading
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.paths import cache_folder
from slipcast.core.paths import models_dir as models_dir
from slipcast.core.paths import sha256_of as sha256_of

Watch = Callable[[str, int, int], None]
"""`watch(file, done_bytes, total_bytes)`."""

NOTE = "slipcast.json"
"""What `pull` writes beside the files: repo, revision, licence, sums and who vouched for them."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_DEFAULT_FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
_REACH_S = 2.5
_READ_S = 30.0
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of a model that can be fetched."""

    name: str
    """Its path in the repository; no folders."""
    size: int = 0
    """In bytes; 0 where unknown."""
    sha256: str = ""
    """Hexadecimal; empty where unknown."""


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One model of the manifest."""

    name: str
    """What the user calls it, or the hub id."""
    repo: str
    """Hub id, `org/name`."""
    revision: str
    """Commit of the repository."""
    licence: str
    """SPDX id, or `unknown`."""
    about: str
    """One sentence."""
    files: tuple[FileEntry, ...]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A model's files on this machine."""

    folder: Path
    """Holds config.json and model.safetensors."""
    name: str
    """Hub id, or the folder's name."""
    licence: str
    """SPDX id, or `unknown`."""
    vouched: bool = False
    """True when the sums were known before the fetch."""


def manifest() -> dict[str, ModelEntry]:
    """The models that can be fetched, by name."""
    data = tomllib.loads((models_dir() / "manifest.toml").read_text(encoding="utf-8"))
    return {name: _entry(name, block) for name, block in data.items()}


def looks_like_model(name: str) -> bool:
    """Whether `name` could be a folder's path or a hub id rather than a misspelt model name."""
    marked = "/" in name or "\\" in name or name.startswith((".", "~"))
    return marked or (name != "" and Path(name).is_dir())


def find(name: str) -> Weights | None:
    """The files of the manifest's model, hub id or folder `name`, or None; no network, nothing heavy
    imported."""
    folder = Path(name).expanduser()
    if looks_like_model(name) and (folder / "config.json").is_file():
        return _weights(folder, folder.resolve().name)
    entry = manifest().get(name)
    repo = entry.repo if entry else name
    if not _HUB_ID.fullmatch(repo):
        return None
    pulled = _home(repo)
    if _complete(pulled):
        return _weights(pulled, repo)
    cached = _hub_snapshot(repo)
    if cached is None:
        return None
    known = next((e.licence for e in manifest().values() if e.repo == repo), "unknown")
    return Weights(folder=cached, name=repo, licence=known)


def missing(name: str) -> MissingWeights:
    """The error for a model that `find` does not find."""
    if looks_like_model(name) and not _HUB_ID.fullmatch(name):
        return MissingWeights(
            f"depth model {name} is not there; give a folder with config.json, preprocessor_config.json and "
            "model.safetensors"
        )
    return MissingWeights(f"the weights of {name} are not on this machine; run: slipcast models pull {name}")


def pull(name: str, watch: Watch | None = None) -> Weights:
    """Fetch the model `name` of the manifest, or any hub id, unless it is here and whole already.

    $HF_ENDPOINT replaces https://huggingface.co. `watch` is told the bytes of each file.

    Raises BadInput for an unknown name or a revision that is not there, MissingWeights when the hub cannot be
    reached (within 3 s) or what it sends is cut short or has another sum; then nothing is left behind.
    """
    entries = manifest()
    entry = entries.get(name) or next((e for e in entries.values() if e.repo == name), None)
    if entry is None:
        if not _HUB_ID.fullmatch(name):
            known = ", ".join(sorted(entries))
            raise BadInput(
                f"model '{name}' is unknown; choose one of {known}, or give a hub id such as org/name"
            )
        files = tuple(FileEntry(name=file) for file in _DEFAULT_FILES)
        entry = ModelEntry(name=name, repo=name, revision="main", licence="unknown", about="", files=files)
    home = _home(entry.repo)
    if _complete(home) and _sums_hold(home):
        return _weights(home, entry.repo)
    endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    _reach(endpoint, entry.name)
    part = home.with_name(f".{home.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        sums: dict[str, str] = {}
        for file in entry.files:
            url = f"{endpoint}/{entry.repo}/resolve/{urllib.parse.quote(entry.revision)}/{file.name}"
            sums[file.name] = _fetch(url, part / file.name, file, entry, watch)
        note = {
            "repo": entry.repo,
            "revision": entry.revision,
            "licence": entry.licence,
            "sha256": sums,
            "vouched": all(file.sha256 for file in entry.files),
        }
        (part / NOTE).write_text(json.dumps(note, indent=1, sort_keys=True), encoding="utf-8")
        if home.exists():
            shutil.rmtree(home)
        part.replace(home)
    except OSError as error:
        raise MissingWeights(
            f"the weights of {entry.name} could not be written to {home.parent} ({error.strerror or error}); "
            "free some space there or set SLIPCAST_HOME to another folder"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _weights(home, entry.repo)


# --------------------------------------------------------------------------------------------------- helpers


def _entry(name: str, block: Mapping[str, Any]) -> ModelEntry:
    files = tuple(
        FileEntry(name=str(f["name"]), size=int(f["bytes"]), sha256=str(f["sha256"])) for f in block["files"]
    )
    return ModelEntry(
        name=name,
        repo=str(block["repo"]),
        revision=str(block["revision"]),
        licence=str(block["licence"]),
        about=str(block["about"]),
        files=files,
    )


def _home(repo: str) -> Path:
    return cache_folder() / "models" / repo.replace("/", "--")


def _complete(folder: Path) -> bool:
    return (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()


def _note(folder: Path) -> dict[str, Any]:
    """What `pull` wrote beside the files; empty where it did not or where that is unreadable."""
    with contextlib.suppress(OSError, ValueError):
        read = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        if isinstance(read, dict):
            return read
    return {}


def _weights(folder: Path, name: str) -> Weights:
    note = _note(folder)
    return Weights(
        folder=folder,
        name=str(note.get("repo", name)),
        licence=str(note.get("licence", "unknown")),
        vouched=bool(note.get("vouched", False)),
    )


def _sums_hold(folder: Path) -> bool:
    """Whether every file still has the sum that was written down when it was fetched."""
    sums = _note(folder).get("sha256")
    if not isinstance(sums, dict) or not sums:
        return False
    return all((folder / n).is_file() and sha256_of(folder / n) == s for n, s in sums.items())


def _hub_snapshot(repo: str) -> Path | None:
    """The newest complete snapshot in the hub's own cache, by its documented layout."""
    home = os.environ.get("HF_HOME") or str(
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    )
    root = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
    base = root / f"models--{repo.replace('/', '--')}"
    candidates: list[Path] = []
    with contextlib.suppress(OSError):
        candidates.append(base / "snapshots" / (base / "refs" / "main").read_text(encoding="utf-8").strip())
    with contextlib.suppress(OSError):
        candidates += sorted((base / "snapshots").iterdir(), reverse=True)
    return next((folder for folder in candidates if _complete(folder)), None)


def _reach(endpoint: str, name: str) -> None:
    """Raise MissingWeights within 3 s when nobody answers at `endpoint`, or at the proxy that stands before
    it.

    In a thread, since resolving a name takes as long as the system likes.
    """
    target = urllib.parse.urlsplit(endpoint)
    proxy = urllib.request.getproxies().get(target.scheme)
    if proxy and not urllib.request.proxy_bypass(target.hostname or ""):
        target = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    host, port = target.hostname or "", target.port or (80 if target.scheme == "http" else 443)
    answered = threading.Event()

    def knock() -> None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=_REACH_S):
            answered.set()

    knocking = threading.Thread(target=knock, daemon=True)
    knocking.start()
    knocking.join(_REACH_S)
    if not answered.is_set():
        raise MissingWeights(
            f"{endpoint} cannot be reached, so {name} was not fetched; "
            f"run slipcast models pull {name} again when this machine is online"
        )


def _fetch(url: str, path: Path, file: FileEntry, entry: ModelEntry, watch: Watch | None) -> str:
    """Download one file, check it and return its sha256."""
    again = f"run slipcast models pull {entry.name} again"
    expected, total = file.sha256, file.size
    digest, done = hashlib.sha256(), 0
    with _opened(url, entry, file, again) as (stream, headers, first):
        if not expected:
            # For large files the hub's answer, before it redirects to its store, names the sum.
            expected = _stated_sum(first) or _stated_sum(headers)
        sent = headers.get("Content-Length", "")
        total = total or (int(sent) if sent.isdigit() else 0)
        with path.open("wb") as target:
            for block in _blocks(stream, f"{file.name} of {entry.name}", again):
                target.write(block)
                digest.update(block)
                done += len(block)
                if watch:
                    watch(file.name, done, max(total, done))
                if total and done > total:
                    break
    if total and done != total:
        raise MissingWeights(f"{file.name} of {entry.name} has {done} bytes instead of {total}; {again}")
    got = digest.hexdigest()
    if expected and got != expected:
        raise MissingWeights(
            f"{file.name} of {entry.name} has sha256 {got[:12]}… instead of {expected[:12]}…: it is damaged or not "
            f"the published file; {again}"
        )
    return got


def _blocks(stream: Any, what: str, again: str) -> Iterator[bytes]:
    """The answer's bytes, piece by piece."""
    while True:
        try:
            block: bytes = stream.read(_BLOCK)
        except (OSError, HTTPException) as error:
            raise MissingWeights(f"{what} broke off ({error}); {again}") from None
        if not block:
            return
        yield block


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects and remember the first answer's headers."""

    def __init__(self) -> None:
        self.first: dict[str, str] = {}

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        for key, value in headers.items():
            self.first.setdefault(key.lower(), value)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextlib.contextmanager
def _opened(
    url: str, entry: ModelEntry, file: FileEntry, again: str
) -> Iterator[tuple[Any, Any, dict[str, str]]]:
    """The open answer, its headers and those of the first redirect; foreign errors become ours here."""
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    request = urllib.request.Request(url, headers={"User-Agent": "slipcast", "Accept-Encoding": "identity"})
    try:
        answer = opener.open(request, timeout=_READ_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403, 404):
            raise BadInput(
                f"{entry.repo} has no public file {file.name} at revision {entry.revision} (HTTP {error.code}); "
                "give the id of a public depth model in transformers' format"
            ) from None
        raise MissingWeights(f"the hub answered HTTP {error.code} for {file.name}; {again}") from None
    except (OSError, HTTPException) as error:
        raise MissingWeights(f"{file.name} of {entry.name} could not be fetched ({error}); {again}") from None
    with answer:
        yield answer, answer.headers, redirects.first


def _stated_sum(headers: Any) -> str:
    """The sha256 that the hub states for a large file (its linked ETag), or nothing."""
    lowered = {str(key).lower(): str(value) for key, value in headers.items()}
    tag = lowered.get("x-linked-etag", "").removeprefix("W/").strip('"')
    return tag if re.fullmatch(r"[0-9a-f]{64}", tag) else ""
