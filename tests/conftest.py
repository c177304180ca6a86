"""What all tests share: a clean environment on a machine that seems to have no network, and a command line to run."""

from __future__ import annotations

import errno
import gc
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # few tests need them: imported where they are used
    from collections.abc import Generator, Iterator

    from buying import Buy
    from kitchen import Run
    from standin import Standin

    from slipcast.core.values import Picture
    from slipcast.pipeline import run as pipeline
    from slipcast.pipeline.recipe import Recipe
    from slipcast.pipeline.result import Result

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores already. Two that took two threads each needed 1.6 times as long on two cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while the tests are read, nor ever again in what that left: a sixth of what reading takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


def pytest_unconfigure() -> None:
    """Let modules go as they would: manifold3d complains of what is left of it at the end."""
    gc.unfreeze()


_KEYS = (
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN",
)
_HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)


@pytest.fixture(autouse=True, scope="session")
def _no_keys() -> Iterator[None]:
    """No test finds, spends or prints the developer's own keys."""
    with pytest.MonkeyPatch.context() as patch:
        for name in _KEYS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Other machines are out of reach; servers that a test starts here may be spoken to."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def local_connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in _HERE:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        connect(self, address)  # type: ignore[arg-type]

    def local_look_up(host: str | None, *rest: int, **named: int) -> object:
        if host not in _HERE:
            raise socket.gaierror(socket.EAI_NONAME, "tests have no network")
        return look_up(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_connect)
        patch.setattr(socket, "getaddrinfo", local_look_up)
        yield


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process, in an empty folder."""
    from kitchen import Ended

    from slipcast.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture
def server() -> Iterator[Standin]:
    """A stand-in for the Gemini API on this machine."""
    from standin import Standin

    with Standin() as standin:
        yield standin


@pytest.fixture
def buyers_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, state of its own, and a key."""
    from buying import KEY

    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def buy(server: Standin, capfd: pytest.CaptureFixture[str]) -> Buy:
    """Run the command line in this process; what buys (`buys`) buys from the stand-in."""
    from buying import Ran

    from slipcast.cli.main import main

    def command(*words: str, buys: bool = True) -> Ran:
        code = main([*words, *(["--base-url", server.url] if buys else [])])
        return Ran(code, *capfd.readouterr())

    return command


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The cook in place of the pipeline; the list collects the recipes that were cooked."""
    from kitchen import cook

    from slipcast.pipeline import run as pipeline

    recipes: list[Recipe] = []

    def cooked(
        picture: Picture, recipe: Recipe, *, name: str, watch: pipeline.Watch | None = None, **_: object
    ) -> Result:
        recipes.append(recipe)
        return cook(picture, recipe, name=name, watch=watch)

    monkeypatch.setattr(pipeline, "run", cooked)
    return recipes


@pytest.fixture
def knight(tmp_path: Path) -> Path:
    """A picture that can be worked with."""
    from kitchen import write_picture

    return write_picture(tmp_path / "knight.png")
