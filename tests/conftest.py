"""What all tests share: a clean environment on a machine that seems to have no network."""

import errno
import os
import socket

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores already. Two that took two threads each needed 1.6 times as long on two cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

_KEYS = (
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN",
)
_HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds, spends or prints the developer's own keys."""
    for name in _KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
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

    monkeypatch.setattr(socket.socket, "connect", local_connect)
    monkeypatch.setattr(socket, "getaddrinfo", local_look_up)
