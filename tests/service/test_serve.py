"""`slipcast serve` for real: a process with workers, a conversion through HTTP, a killed worker, an end that drains."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from pg8000.exceptions import DatabaseError, InterfaceError
from pydantic import SecretStr
from serving import House, picture, running

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.service.database.engine import Database, persist
from slipcast.service.database.tables import worker
from slipcast.service.metrics import prepare_folder
from slipcast.service.serve import serve
from slipcast.service.settings import Settings, load_settings

OPTIONS = json.dumps({"depth": "dome", "detail": "draft", "faces": 500, "report": False})
ENDED = ("succeeded", "failed", "cancelled")


def test_a_conversion_survives_its_worker_and_the_end_drains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPCAST_SERVICE_DRAIN_S", "60")
    with (
        running(tmp_path / "data") as (url, key),
        httpx.Client(trust_env=False, timeout=60) as client,
    ):
        client.headers["Authorization"] = f"Bearer {key}"

        def send() -> str:
            files = {"picture": ("figure.png", picture(96), "image/png")}
            answer = client.post(f"{url}/v1/jobs/upload", files=files, data={"options": OPTIONS})
            assert answer.status_code == 202, answer.text
            return str(answer.json()["id"])

        def job(id: str) -> dict[str, Any]:
            row: dict[str, Any] = client.get(f"{url}/v1/jobs/{id}").json()
            return row

        first, second = send(), send()
        while job(first)["state"] == "queued":
            time.sleep(0.1)
        database = Database(f"sqlite:///{tmp_path / 'data' / 'service.sqlite'}")
        with database.read() as connection:
            (pid,) = connection.scalars(sa.select(worker.c.pid))
        os.kill(pid, signal.SIGKILL)
        while any(job(id)["state"] not in ENDED for id in (first, second)):
            time.sleep(0.2)
        done = job(first)
        assert done["state"] == "succeeded", done["error"]
        assert done["attempt"] == 2, "the killed attempt and the one after it"
        assert done["result"]["depth_model"]["name"] == "dome"
        assert job(second)["attempt"] == 1
        glb = client.get(f"{url}/v1/jobs/{first}/files/figure.glb").content
        assert glb[:4] == b"glTF"
        text = client.get(f"{url}/metrics").text
        assert 'slipcast_jobs_total{kind="convert",state="succeeded",variant="stable"} 2.0' in text, (
            "what two processes counted adds up"
        )
        assert 'slipcast_stage_seconds_count{stage="cutout"} ' in text
        third = send()
        while job(third)["state"] == "queued":
            time.sleep(0.1)
    with database.read() as connection:
        left = connection.scalar(sa.text("SELECT count(*) FROM job WHERE state = 'running'"))
        state = connection.scalar(sa.text("SELECT state FROM job WHERE id = :id"), {"id": third})
    assert (left, state) == (0, "succeeded"), "the job in hand was finished before the worker ended"
    database.close()


def test_a_database_that_is_away_is_a_503_and_work_waits_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def away() -> Iterator[None]:
        raise sa.exc.OperationalError("SELECT 1", {}, OSError("gone"))
        yield

    monkeypatch.setattr(house.database, "read", away)
    answer = house.call("GET", "/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "DatabaseAway")
    assert answer.headers["retry-after"] == "5"
    assert house.client.get("/health/ready").status_code == 503
    assert house.client.get("/health/live").status_code == 200
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise sa.exc.OperationalError("UPDATE job", {}, OSError("gone"))
        return "done"

    assert persist(work, patience_s=60) == "done"
    with pytest.raises(sa.exc.OperationalError):
        persist(lambda: (_ for _ in ()).throw(sa.exc.OperationalError("x", {}, OSError())), patience_s=0)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (sa.exc.InterfaceError("x", {}, InterfaceError("Can't create a connection")), 503, "DatabaseAway"),
        (sa.exc.DatabaseError("x", {}, DatabaseError({"C": "57P03"})), 503, "DatabaseAway"),
        (sa.exc.DatabaseError("x", {}, DatabaseError({"C": "53300"})), 503, "DatabaseAway"),
        (sa.exc.TimeoutError("QueuePool limit"), 503, "DatabaseAway"),
        (sa.exc.DatabaseError("x", {}, DatabaseError({"C": "53100"})), 507, "DiskFull"),
        (sa.exc.ProgrammingError("x", {}, DatabaseError({"C": "42601"})), 500, "Unexpected"),
        (sa.exc.InterfaceError("x", {}, sqlite3.InterfaceError("Error binding")), 500, "Unexpected"),
    ],
    ids=lambda each: str(each).split("\n", maxsplit=1)[0][:60],
)
def test_postgresql_says_in_other_ways_that_it_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch, error: sa.exc.SQLAlchemyError, status: int, code: str
) -> None:
    """A server that was stopped for a minute was answered with 500, and a finished job was done again."""

    @contextmanager
    def away() -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(house.database, "read", away)
    answer = house.call("GET", "/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) < 2:
            raise error

    if status == 500:
        with pytest.raises(sa.exc.SQLAlchemyError):
            persist(work, patience_s=60)
    else:
        persist(work, patience_s=60)
    assert len(tries) == (1 if status == 500 else 2)


def test_a_wrong_number_of_workers_is_told_with_its_flag(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from slipcast.cli.main import main

    assert main(["serve", "--data", str(tmp_path / "data"), "--workers", "-3"]) == 2
    assert capfd.readouterr().err.startswith("slipcast: --workers is -3")
    assert not (tmp_path / "data").exists()


def test_promises_of_the_command_line(tmp_path: Path) -> None:
    from slipcast.cli.main import main

    data = str(tmp_path / "data")
    assert main(["serve", "--data", data, "--host", "0.0.0.0"]) == 2
    assert main(["admin", "--data", data, "tenant", "create", "toys"]) == 0
    assert main(["admin", "--data", data, "quota", "toys", "--usd-day", "5"]) == 0
    assert main(["admin", "--data", data, "quota", "nobody"]) != 0
    assert main(["admin", "--data", data, "key", "create", "--tenant", "toys", "--scopes", "fly"]) == 2
    assert main(["admin", "--data", data, "audit", "--verify"]) == 0
    assert main(["admin", "--data", data, "backup", str(tmp_path / "b.tar")]) == 0
    assert (tmp_path / "b.tar").is_file()


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="Windows has no priorities of this kind")
def test_conversions_let_the_api_go_first() -> None:
    code = (
        "import os; from slipcast.service.worker.child import give_way; give_way(); "
        "print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True)
    # These tests may themselves run with less than the usual priority; 19 is the least that there is.
    assert ran.stdout.strip() == str(min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)), ran.stderr


def test_an_address_that_is_taken_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        numbers = tmp_path / "metrics" / "counter_1.db"
        numbers.parent.mkdir()
        numbers.write_bytes(b"of a service that runs")
        settings = Settings(data=tmp_path, port=port)
        with pytest.raises(BadInput, match=f"nothing can listen on 127.0.0.1:{port}"):
            serve(settings, print)
    assert numbers.exists()


def test_an_empty_admin_key_opens_no_address(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no key yet"):
        serve(Settings(data=tmp_path, host="0.0.0.0", port=0, admin_key=SecretStr("")), print)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["admin", "--data", "{here}/file/inside", "tenant", "list"], "file/inside cannot be used"),
        (["admin", "--data", "{here}", "backup", "{here}/none/x.tar"], "cannot be used"),
        (["admin", "--data", "{here}", "restore", "{here}/file"], "it is no tar"),
        (["admin", "--data", "{here}", "migrate", "--to", "zz"], "there is no revision 'zz'"),
        (["admin", "--data", "{here}", "quota", "nobody"], "there is no tenant 'nobody'"),
        (["admin", "--data", "{here}", "quota", "nobody", "--usd-day", "nan"], "nan is no amount"),
        (["admin", "--data", "{here}", "key", "create", "--days", "-1"], "days is -1.0"),
        (["admin", "--database", "postgresql://127.0.0.1/x", "tenant", "list"], "names no user"),
        (["worker", "--data", "{here}/none"], "the database cannot be opened"),
    ],
    ids=lambda each: " ".join(each[3:])[:30] if isinstance(each, list) else "",
)
def test_a_wrong_word_of_the_operator_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (tmp_path / "file").write_text("text")
    assert main(["admin", "--data", str(tmp_path), "tenant", "list"]) == 0
    capfd.readouterr()
    assert main([word.format(here=tmp_path) for word in words]) == 2
    out, err = capfd.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert not out


def test_a_key_outside_of_a_section_is_named(tmp_path: Path) -> None:
    (tmp_path / "slipcast.toml").write_text("port = 8477\n[default]\nworkers = 2\n")
    with pytest.raises(BadInput, match="has port outside of a section"):
        load_settings(tmp_path / "slipcast.toml")


def test_a_second_service_keeps_the_counters_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    living, dead = (tmp_path / f"counter_{pid}.db" for pid in (os.getpid(), 2**22 + 1))
    living.write_bytes(b"counts")
    dead.write_bytes(b"counts")
    prepare_folder(tmp_path, clean=True)
    assert living.exists() == Path("/proc/self").exists()
    assert not dead.exists()
