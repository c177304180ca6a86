"""Which depth model is asked, how two are fused, and how weights are found and fetched."""

import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.values import F32, Bool, Camera, Cutout, DepthKind, DepthMap, ModelInfo
from slipcast.depth import download
from slipcast.depth import models as depth
from slipcast.depth.fuse import FuseOptions, fuse
from slipcast.depth.models import DEPTH_MODELS, DepthOptions, choose, predict_depth

SMALL = "depth-anything/Depth-Anything-V2-Small-hf"


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No fetched weights, no hub cache, no proxy."""
    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("HF_HUB_CACHE", "HF_ENDPOINT", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def disc(side: int = 96) -> tuple[Bool, F32]:
    """A disc's mask (H,W) and the height (H,W) of the half ball over it, in pixels."""
    y, x = np.mgrid[0:side, 0:side] + 0.5 - side / 2
    height = np.sqrt(np.maximum((0.4 * side) ** 2 - x * x - y * y, 0)).astype(np.float32)
    return height > 0, height


def pictured(mask: Bool) -> Cutout:
    return Cutout(
        pixels=np.full((*mask.shape, 3), 120, np.uint8), alpha=np.where(mask, 255, 0).astype(np.uint8)
    )


# ------------------------------------------------------------------------------------------------- choosing


def fake_weights(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")


def figurine_is(present: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A models folder with the real manifest, with or without the bundled weights."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "manifest.toml").write_text((download.models_dir() / "manifest.toml").read_text())
    if present:
        fake_weights(folder / "figurine")
        (folder / "figurine" / "figurine.onnx").write_bytes(b"network")
    for place in (download, depth):
        monkeypatch.setattr(place, "models_dir", lambda: folder)


@pytest.mark.parametrize(
    ("bundled", "fetched", "expected"),
    [
        (False, False, ("dome",)),
        (True, False, ("figurine",)),
        (False, True, ("depth-anything",)),
        (True, True, ("figurine", "depth-anything")),
    ],
)
def test_auto_takes_what_is_here(
    bundled: bool, fetched: bool, expected: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figurine_is(bundled, tmp_path, monkeypatch)
    if fetched:
        fake_weights(tmp_path / "cache" / "models" / SMALL.replace("/", "--"))
    names, reason = choose("auto")
    assert names == expected
    assert ("slipcast models pull depth-anything" in reason) is not fetched


def test_the_hubs_own_cache_counts(tmp_path: Path) -> None:
    base = tmp_path / "hub" / "hub" / f"models--{SMALL.replace('/', '--')}"
    fake_weights(base / "snapshots" / "aaa")
    fake_weights(base / "snapshots" / "bbb")
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("aaa\n")
    found = download.find("depth-anything")
    assert found is not None
    assert (found.folder.name, found.name, found.licence) == ("aaa", SMALL, "Apache-2.0")
    assert download.find("depth-anything-metric") is None


@pytest.mark.parametrize("model", ["tiefe", "depth_anything", ""])
def test_an_unknown_name_lists_the_known_ones(model: str) -> None:
    with pytest.raises(BadInput) as caught:
        choose(model)
    for name in ("auto", *DEPTH_MODELS, *download.manifest()):
        assert name in str(caught.value)


@pytest.mark.parametrize("model", ["depth-anything", "depth-anything-metric", "someone/some-depth"])
def test_absent_weights_say_how_to_get_them(model: str) -> None:
    with pytest.raises(MissingWeights, match=f"run: slipcast models pull {model}$"):
        choose(model)


def test_an_absent_folder_says_what_it_must_hold(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"give a folder with config\.json"):
        choose(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(("field", "value"), [("fov_deg", 0.0), ("fov_deg", 170.0), ("device", "tpu")])
def test_wrong_options_are_refused(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"{value:g}" if isinstance(value, float) else str(value)):
        DepthOptions(**{field: value})  # type: ignore[arg-type]


def test_dome_answers_with_its_reason() -> None:
    mask, _ = disc()
    got = predict_depth(pictured(mask), DepthOptions(model="dome", fov_deg=30))
    assert got.model.name == "dome"
    assert got.camera.fy_px == pytest.approx(Camera.pinhole(96, 96, 30).fy_px)
    assert got.findings[0].code == "DEPTH_MODEL"
    assert got.findings[0].message == "depth comes from dome: it was asked for"


def test_every_row_can_be_listed() -> None:
    for name, row in DEPTH_MODELS.items():
        module, colon, kind = row.load.partition(":")
        assert colon
        assert kind
        assert module.startswith("slipcast.depth.")
        assert row.about
        assert row.licence
        assert isinstance(depth.has_weights(name), bool)


def test_choosing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from slipcast.depth.models import choose; choose('auto'); "
        "print([m for m in ('torch', 'transformers', 'huggingface_hub', 'scipy', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------------------------------- fusing


def metric(front: F32, valid: Bool, back: F32 | None = None) -> DepthMap:
    camera = Camera.pinhole(front.shape[1], front.shape[0])
    return DepthMap(front=front, back=back, valid=valid, camera=camera, model=ModelInfo(name="broad"))


def relative(values: F32, valid: Bool, kind: DepthKind = DepthKind.AFFINE_DISPARITY) -> DepthMap:
    camera = Camera.pinhole(values.shape[1], values.shape[0])
    return DepthMap(front=values, valid=valid, camera=camera, kind=kind, model=ModelInfo(name="fine"))


@pytest.mark.parametrize("kind", [DepthKind.AFFINE_DISPARITY, DepthKind.AFFINE_DEPTH])
def test_fusing_brings_back_the_relief_that_the_broad_map_lost(kind: DepthKind) -> None:
    mask, ball = disc(128)
    y, _ = np.mgrid[0:128, 0:128]
    ripple = (1.5 * np.sin(y / 1.2)).astype(np.float32)
    smooth = np.where(mask, 300 - ball, 0).astype(np.float32)
    true = np.where(mask, 300 - ball + ripple, 0).astype(np.float32)
    disparity = kind is DepthKind.AFFINE_DISPARITY
    values = np.asarray(7 / np.maximum(true, 1) + 3 if disparity else 0.2 * true - 11, np.float32)
    got = fuse(
        metric(smooth, mask, np.where(mask, 300 + ball, 0).astype(np.float32)), relative(values, mask, kind)
    )
    core = ball > 30
    before = float(np.abs(smooth - true)[core].mean())
    after = float(np.abs(got.front - true)[core].mean())
    assert after < 0.25 * before
    assert got.model.name == "broad+fine"
    assert got.back is not None
    assert (got.back >= got.front)[mask].all()


def test_fusing_with_nonsense_changes_nothing() -> None:
    mask, ball = disc()
    broad = metric(np.where(mask, 300 - ball, 0).astype(np.float32), mask)
    backwards = relative((-ball).astype(np.float32), mask)
    fused = fuse(broad, backwards)
    assert fused.front is broad.front
    assert fused.model == broad.model
    assert fused.agreement == pytest.approx(-1, abs=0.01)
    flat = fuse(broad, relative(np.ones_like(ball), mask))
    assert flat.front is broad.front
    assert flat.agreement == 0


def test_fusing_without_detail_is_the_broad_map() -> None:
    mask, ball = disc()
    broad = metric(np.where(mask, 300 - ball, 0).astype(np.float32), mask)
    fine = relative(np.where(mask, 1 / (300 - ball), 0).astype(np.float32), mask)
    assert np.allclose(fuse(broad, fine, FuseOptions(detail=0)).front, broad.front)


def test_fusing_needs_a_metric_map_of_the_same_size() -> None:
    mask, ball = disc()
    small, low = disc(64)
    with pytest.raises(ValueError, match="same size"):
        fuse(metric(ball, mask), relative(low, small))
    with pytest.raises(ValueError, match="METRIC"):
        fuse(relative(ball, mask), relative(ball, mask))


# ------------------------------------------------------------------------------------------------- fetching


class Hub(http.server.BaseHTTPRequestHandler):
    """Stands in for the hub: files by path, and ways to misbehave."""

    files: ClassVar[dict[str, bytes]] = {}
    stated: ClassVar[dict[str, str]] = {}
    cut_at: ClassVar[int | None] = None
    status: ClassVar[int] = 200
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        body = self.files.get(self.path)
        if self.status != 200 or body is None:
            self.send_error(self.status if self.status != 200 else 404)
            return
        if self.path in self.stated:  # large files: the sum, then a redirect to the store
            self.send_response(302)
            self.send_header("X-Linked-ETag", f'"{self.stated[self.path]}"')
            self.send_header("Location", f"/store{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.cut_at is None else body[: self.cut_at])

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


BODIES = {
    "config.json": b'{"a": 1}',
    "preprocessor_config.json": b"{}",
    "model.safetensors": bytes(range(256)) * 9000,
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub on this machine that has every model of the tests."""

    class Fresh(Hub):
        files: ClassVar[dict[str, bytes]] = {}
        stated: ClassVar[dict[str, str]] = {}
        asked: ClassVar[list[str]] = []

    for repo, revision in (("toy/depth", "main"), ("toy/known", "cafe")):
        for name, body in BODIES.items():
            path = f"/{repo}/resolve/{revision}/{name}"
            Fresh.files[path] = Fresh.files[f"/store{path}"] = body
        Fresh.stated[f"/{repo}/resolve/{revision}/model.safetensors"] = sum_of("model.safetensors")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    yield Fresh
    server.shutdown()
    thread.join()
    server.server_close()


def sum_of(name: str) -> str:
    return hashlib.sha256(BODIES[name]).hexdigest()


def known(monkeypatch: pytest.MonkeyPatch, **changed: str) -> None:
    """Put toy/known into the manifest, with true sums but for the changed ones."""
    files = tuple(
        download.FileEntry(name=name, size=len(body), sha256=changed.get(name.split(".")[0], sum_of(name)))
        for name, body in BODIES.items()
    )
    entry = download.ModelEntry(
        name="toy", repo="toy/known", revision="cafe", licence="Apache-2.0", about="a toy", files=files
    )
    monkeypatch.setattr(download, "manifest", lambda: {"toy": entry})


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(each.name for each in (tmp_path / "cache").rglob("*") if each.is_file())


def test_pull_fetches_once_checks_and_is_then_offline(
    hub: type[Hub], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known(monkeypatch)
    seen: list[tuple[str, int, int]] = []
    got = download.pull("toy", lambda *step: seen.append(step))
    assert (got.name, got.licence, got.vouched) == ("toy/known", "Apache-2.0", True)
    assert (got.folder / "model.safetensors").read_bytes() == BODIES["model.safetensors"]
    assert left_behind(tmp_path) == sorted([*BODIES, download.NOTE])
    size = len(BODIES["model.safetensors"])
    assert seen[-1] == ("model.safetensors", size, size)
    assert [done for name, done, _ in seen if name == "model.safetensors"] == sorted(
        {done for name, done, _ in seen if name == "model.safetensors"}
    )
    asked = len(hub.asked)
    assert download.pull("toy") == got
    assert download.find("toy") == got
    assert download.find("toy/known") == got
    assert len(hub.asked) == asked, "nothing is asked a second time"


def test_pull_mends_a_file_that_was_changed_on_disk(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch)
    got = download.pull("toy")
    (got.folder / "model.safetensors").write_bytes(b"rot")
    assert download.pull("toy") == got
    assert (got.folder / "model.safetensors").read_bytes() == BODIES["model.safetensors"]
    assert hub.asked


def test_any_hub_id_is_trusted_on_first_use_and_says_so(hub: type[Hub]) -> None:
    got = download.pull("toy/depth")
    assert not got.vouched
    note = json.loads((got.folder / download.NOTE).read_text())
    assert note["sha256"]["model.safetensors"] == sum_of("model.safetensors")
    assert note["vouched"] is False
    assert hub.asked


def test_a_sum_other_than_the_hub_states_is_refused(hub: type[Hub], tmp_path: Path) -> None:
    hub.stated["/toy/depth/resolve/main/model.safetensors"] = "0" * 64
    with pytest.raises(
        MissingWeights, match=r"model\.safetensors of toy/depth has sha256 .* instead of 0000"
    ):
        download.pull("toy/depth")
    assert left_behind(tmp_path) == []


def test_a_sum_other_than_published_is_refused(
    hub: type[Hub], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known(monkeypatch, model="f" * 64)
    with pytest.raises(MissingWeights, match=r"instead of ffff"):
        download.pull("toy")
    assert left_behind(tmp_path) == []
    assert download.find("toy") is None
    assert hub.asked


@pytest.mark.parametrize("cut_at", [0, 1, 5])
def test_a_download_cut_short_is_refused(hub: type[Hub], cut_at: int, tmp_path: Path) -> None:
    hub.cut_at = cut_at
    with pytest.raises(MissingWeights, match=r"run slipcast models pull toy/depth again"):
        download.pull("toy/depth")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_model_that_is_not_public_is_wrong_use(hub: type[Hub], status: int) -> None:
    hub.status = status
    with pytest.raises(BadInput, match=rf"HTTP {status}"):
        download.pull("toy/depth")


def test_a_hub_in_trouble_is_said(hub: type[Hub]) -> None:
    hub.status = 503
    with pytest.raises(MissingWeights, match=r"the hub answered HTTP 503"):
        download.pull("toy/depth")


def test_no_network_is_refused_with_what_to_do() -> None:
    with pytest.raises(MissingWeights, match=r"cannot be reached.*slipcast models pull depth-anything again"):
        download.pull("depth-anything")


def test_a_name_that_never_resolves_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs for ever: the thread that asks it is left alone."""
    over = threading.Event()

    def hang(*args: object, **named: object) -> object:
        over.wait()
        raise OSError("too late")

    monkeypatch.setattr("socket.create_connection", hang)
    monkeypatch.setattr(download, "_REACH_S", 0.05)
    with pytest.raises(MissingWeights, match="cannot be reached"):
        download.pull("depth-anything")
    over.set()


def test_pull_of_an_unknown_name() -> None:
    with pytest.raises(BadInput, match=r"'depth-nothing' is unknown; choose one of depth-anything"):
        download.pull("depth-nothing")


def test_a_cache_that_cannot_be_written(hub: type[Hub], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(MissingWeights, match=r"could not be written.*SLIPCAST_HOME"):
        download.pull("toy/depth")
    assert hub.files


def test_the_manifest_names_what_it_vouches_for() -> None:
    entries = download.manifest()
    small = entries["depth-anything"]
    assert (small.repo, small.licence) == (SMALL, "Apache-2.0")
    assert all(len(file.sha256) == 64 and file.size for file in small.files)
    for entry in entries.values():
        assert {file.name for file in entry.files} >= {"config.json", "model.safetensors"}
        assert all("/" not in file.name for file in entry.files)
        assert len(entry.revision) == 40
