"""Keys, limits, audit, erasure, retention, backup, migrations, settings, metrics."""

import json
import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import obstore
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from obstore.exceptions import GenericError
from serving import House, make_house, new_url, picture

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.core.host import is_loopback
from slipcast.pipeline.recipe import Recipe
from slipcast.service import audit, keys
from slipcast.service.anomalies import find_anomalies
from slipcast.service.backup import back_up, restore
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import check_version, downgrade, newest, upgrade, version_of
from slipcast.service.database.tables import api_key, file, job, metadata, tenant
from slipcast.service.database.tables import audit as audit_table
from slipcast.service.erase import sweep
from slipcast.service.jobs.queue import new_id
from slipcast.service.serve import has_keys, make_first_key, serve, wrong_canaries
from slipcast.service.settings import Settings, load_settings
from slipcast.service.store import Store
from slipcast.service.tenants import set_limits


def test_a_key_is_shown_once_and_stored_as_a_sum(house: House) -> None:
    made = house.call("POST", "/v1/keys", json={"name": "ci", "scopes": ["read"]}).json()
    with house.database.read() as connection:
        everything = json.dumps([dict(row) for row in connection.execute(sa.select(api_key)).mappings()])
    assert made["key"] not in everything
    assert made["key"].startswith(made["prefix"])
    shown = house.call("GET", "/v1/keys").text
    assert made["prefix"] in shown
    assert made["key"] not in shown
    assert "sha256" not in shown


def test_revoking_and_rotating_take_effect_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = house.call("POST", "/v1/keys", json={"name": "ci"}).json()
    house.keys["ci"] = made["key"]
    assert house.call("GET", "/v1/jobs", who="ci").status_code == 200
    new = house.call("POST", f"/v1/keys/{made['id']}/rotate", json={"overlap_s": 60}).json()
    house.keys["new"] = new["key"]
    assert house.call("GET", "/v1/jobs", who="ci").status_code == 200, "both are good for a while"
    assert house.call("GET", "/v1/jobs", who="new").status_code == 200
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 61)
    assert house.call("GET", "/v1/jobs", who="ci").status_code == 401
    assert house.call("DELETE", f"/v1/keys/{new['id']}").status_code == 204
    assert house.call("GET", "/v1/jobs", who="new").status_code == 401


def test_rotating_prolongs_no_key(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = house.call("POST", "/v1/keys", json={"name": "ci", "days": 1}).json()
    house.keys["ci"] = made["key"]
    new = house.call("POST", f"/v1/keys/{made['id']}/rotate", json={"overlap_s": 7 * 86400}).json()
    house.keys["new"] = new["key"]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 86401)
    assert house.call("GET", "/v1/jobs", who="ci").status_code == 401
    assert house.call("GET", "/v1/jobs", who="new").status_code == 401
    assert house.call("POST", f"/v1/keys/{made['id']}/rotate", json={}).status_code == 422


@pytest.mark.parametrize(
    "limits",
    [
        {"weight": "x"},
        {"max_running": True},
        {"requests_per_minute": 1.5},
        {"requests_per_minute": None},
        {"day_micro": "free"},
        {"storage_bytes": 10**20},
        {"jobs_per_day": 2**31},
        {"region": "mars"},
        {"region": 5},
        {"active": "no"},
        {"canary": "x"},
        {"canary": {"detial": "draft"}},
        {"canary": {"detail": "huge"}},
        {"canary": {"gates": "no such gate"}},
        {"canary": {"faces": 1}},
        {"canary_share": True},
    ],
    ids=str,
)
def test_a_limit_of_a_wrong_kind_is_refused(house: House, limits: dict[str, object]) -> None:
    """One that was stored stopped every worker, or every request of its tenant."""
    with house.database.write() as connection, pytest.raises(BadInput, match=next(iter(limits))):
        set_limits(connection, house.tenants["first"], **limits)


def test_a_tenant_that_is_switched_off_is_out_at_once(house: House) -> None:
    with house.database.write() as connection:
        set_limits(connection, house.tenants["first"], active=False)
    assert house.call("GET", "/v1/jobs").status_code == 401


def test_too_many_requests_are_told_when_to_come_back(house: House) -> None:
    house.tenant("busy", requests_per_minute=5)
    codes = [house.call("GET", "/v1/jobs", who="busy").status_code for _ in range(5)]
    assert codes == [200] * 5
    # A crowded machine takes so long for five that the first may be forgotten by now.
    assert 429 in (house.call("GET", "/v1/jobs", who="busy").status_code for _ in range(20))
    last = house.call("GET", "/v1/jobs", who="busy")
    assert 1 <= int(last.headers["retry-after"]) <= 61
    assert house.call("GET", "/v1/jobs").status_code == 200


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"jobs_per_day": 2}, "sent today"),
        ({"max_queued": 2}, "wait already"),
        ({"storage_bytes": 3 * len(picture()) - 1}, "storage"),
    ],
)
def test_quotas_are_counted_in_the_same_transaction(house: House, limits: dict[str, Any], words: str) -> None:
    house.tenant("small", **limits)
    answers = []
    for side in (64, 72, 80):
        files = {"picture": ("a.png", picture(side), "image/png")}
        answers.append(house.call("POST", "/v1/jobs/upload", who="small", files=files))
    assert [answer.status_code for answer in answers][:2] == [202, 202]
    assert answers[2].status_code == 429
    assert words in answers[2].json()["detail"]


def test_the_audit_log_shows_every_change(house: House) -> None:
    house.tenant("boss", scopes=("read", "write", "admin"))
    job_row = house.send()
    house.work()
    house.call("DELETE", f"/v1/jobs/{job_row['id']}")
    lines = [json.loads(line) for line in house.call("GET", "/v1/admin/audit", who="boss").text.splitlines()]
    assert [line["action"] for line in lines] == ["job.create", "job.end", "job.delete"]
    assert house.call("GET", "/v1/admin/audit/verify", who="boss").json() == {
        "lines": 3,
        "whole": True,
        "problem": "",
    }


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (
            lambda c: c.execute(sa.update(audit_table).where(audit_table.c.id == 2).values(actor="x")),
            "changed",
        ),
        (lambda c: c.execute(sa.delete(audit_table).where(audit_table.c.id == 2)), "line 2 is missing"),
        (lambda c: c.execute(sa.delete(audit_table).where(audit_table.c.id == 4)), "after 3 are missing"),
        (lambda c: c.execute(sa.delete(audit_table).where(audit_table.c.id == 1)), "line 1 is missing"),
    ],
)
def test_a_line_that_was_changed_or_left_out_is_found(house: House, break_it: object, words: str) -> None:
    with house.database.write() as connection:
        for number in range(4):
            audit.record(connection, actor="a", action="b", target=str(number))
        assert audit.verify(connection) == (4, "")
        break_it(connection)  # type: ignore[operator]
        assert words in audit.verify(connection)[1]


def test_the_chain_holds_after_old_lines_are_forgotten(house: House) -> None:
    with house.database.write() as connection:
        for number in range(6):
            audit.record(connection, actor="a", action="b", target=str(number))
        middle = connection.scalar(sa.select(audit_table.c.at).where(audit_table.c.id == 4))
        connection.execute(
            sa.update(audit_table).where(audit_table.c.id < 4).values(at=float(middle or 0) - 100)
        )
        assert audit.forget(connection, float(middle or 0) - 50) == 3
        assert audit.verify(connection) == (3, "")
        audit.record(connection, actor="a", action="b", target="7")
        assert audit.verify(connection) == (4, "")


def test_erasure_leaves_nothing_and_gives_a_receipt(house: House) -> None:
    house.tenant("second")
    house.send()
    other = house.send(who="second")
    house.work()
    assert house.call("DELETE", "/v1/account/data", params={"confirm": "no"}).status_code == 409
    receipt = house.call("DELETE", "/v1/account/data", params={"confirm": "first"}).json()
    assert receipt["rows"]["job"] == 1
    assert receipt["files_left"] == 0
    assert list(house.store.stored(house.tenants["first"])) == []
    assert len(list(house.store.stored(house.tenants["second"]))) > 1
    assert house.call("GET", f"/v1/jobs/{other['id']}", who="second").status_code == 200
    with house.database.read() as connection:
        line = connection.execute(sa.select(audit_table).where(audit_table.c.action == "data.erase")).one()
    assert line.detail["receipt"] == receipt["sha256"]


def test_retention_really_deletes(house: House) -> None:
    old, new = house.send(), house.send()
    house.work()
    with house.database.write() as connection:
        connection.execute(
            sa.update(job).where(job.c.id == old["id"]).values(finished_at=time.time() - 31 * 86400)
        )
        connection.execute(sa.delete(file).where(file.c.job_id == new["id"], file.c.name == "knight.json"))
    before = {sha256 for _, sha256, _, _ in house.store.stored()}
    assert sweep(house.database, house.store, audit_days=90)["jobs"] == 1
    assert house.call("GET", f"/v1/jobs/{old['id']}").status_code == 404
    assert {sha256 for _, sha256, _, _ in house.store.stored()} == before, "young files are left alone"
    from slipcast.service import erase

    erase._sweep_files(house.database, house.store, time.time() + 60)
    with house.database.read() as connection:
        named = set(connection.scalars(sa.select(file.c.sha256)))
    assert {sha256 for _, sha256, _, _ in house.store.stored()} == named


def test_a_backup_brings_everything_back(house: House, tmp_path: Path, kitchen: list[Recipe]) -> None:
    done, waiting = house.send(), None
    house.work()
    waiting = house.send()
    manifest = back_up(house.database, house.store, tmp_path / "backup.tar")
    assert manifest["missing"] == []
    assert manifest["files"] == len(list(house.store.stored()))
    with pytest.raises(BadInput, match="there already"):
        back_up(house.database, house.store, tmp_path / "backup.tar")
    fresh = Database(new_url(tmp_path, "new"))
    store = Store((tmp_path / "new").as_uri())
    restore(fresh, store, tmp_path / "backup.tar")
    assert {each[1] for each in store.stored()} == {each[1] for each in house.store.stored()}
    with fresh.read() as connection, house.database.read() as before:
        for table in metadata.sorted_tables:
            if table.name not in ("worker", "session"):
                rows = [dict(row) for row in before.execute(sa.select(table)).mappings()]
                assert [dict(row) for row in connection.execute(sa.select(table)).mappings()] == rows, (
                    table.name
                )
        assert audit.verify(connection)[1] == ""
    with pytest.raises(BadInput, match="not empty"):
        restore(fresh, store, tmp_path / "backup.tar")
    again = make_house(tmp_path / "restored", url=fresh.url, tenant="", store=(tmp_path / "new").as_uri())
    again.keys["old"] = house.keys["first"]
    assert again.call("GET", f"/v1/jobs/{done['id']}/files/knight.glb", who="old").content == b"glb of knight"
    assert again.work() == 1
    assert again.call("GET", f"/v1/jobs/{waiting['id']}", who="old").json()["state"] == "succeeded"


def test_a_damaged_backup_changes_nothing(house: House, tmp_path: Path) -> None:
    house.send()
    back_up(house.database, house.store, tmp_path / "backup.tar")
    data = (tmp_path / "backup.tar").read_bytes()
    place = data.index(b'"kind": "convert"')
    (tmp_path / "bad.tar").write_bytes(data[:place] + b'"kind": "CONVERT"' + data[place + 17 :])
    fresh = Database(new_url(tmp_path, "new"))
    with pytest.raises(BadInput, match="another sum"):
        restore(fresh, Store((tmp_path / "new").as_uri()), tmp_path / "bad.tar")
    with fresh.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(job)) == 0


def test_migrations_go_forward_and_back(tmp_path: Path) -> None:
    database = Database(new_url(tmp_path))
    with pytest.raises(BadInput, match="slipcast admin migrate"):
        check_version(database)
    upgrade(database)
    assert version_of(database) == newest()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == [], "tables.py and the migrations say the same"
    downgrade(database, "base")
    assert version_of(database) is None
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) == {"alembic_version"}
    upgrade(database)
    check_version(database)


def test_a_database_of_a_newer_slipcast_is_said_in_one_sentence(tmp_path: Path) -> None:
    database = Database(new_url(tmp_path))
    upgrade(database)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    told = rf"at version 9999 of a newer Slipcast.*--to {newest()}"
    with pytest.raises(BadInput, match=told):
        upgrade(database)
    with pytest.raises(BadInput, match=told):
        check_version(database)
    with pytest.raises(BadInput, match=told):
        downgrade(database, "base")


def test_settings_come_from_file_environment_and_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_ = tmp_path / "service.toml"
    file_.write_text('[default]\nworkers = 2\nport = 81\n[production]\nworkers = 8\nhost = "::1"\n')
    assert load_settings(file_).workers == 2
    assert load_settings(file_, environment="production").workers == 8
    monkeypatch.setenv("SLIPCAST_SERVICE_WORKERS", "5")
    settings = load_settings(file_, environment="production", port=9)
    assert (settings.workers, settings.port, settings.host) == (5, 9, "::1")
    with pytest.raises(BadInput, match="no section"):
        load_settings(file_, environment="staging")
    file_.write_text("[default]\nwokers = 2\n")
    with pytest.raises(BadInput, match="wokers"):
        load_settings(file_)
    with pytest.raises(BadInput, match="port"):
        load_settings(None, port=99999)


def test_a_setting_that_is_unknown_is_named_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_ = tmp_path / "service.toml"
    file_.write_text("[default]\nworkesr = 2\n")
    with pytest.raises(BadInput, match=r"toml has workesr, which is no setting.*did you mean workers\?"):
        load_settings(file_)
    monkeypatch.setenv("SLIPCAST_SERVICE_PUBLIC_ULR", "https://x.test")
    with pytest.raises(
        BadInput, match=r"has SLIPCAST_SERVICE_PUBLIC_ULR.*mean SLIPCAST_SERVICE_PUBLIC_URL\?"
    ):
        load_settings()
    monkeypatch.delenv("SLIPCAST_SERVICE_PUBLIC_ULR")
    monkeypatch.setenv("SLIPCAST_SERVICE_BLOCKED_WORDS", "one, two")
    with pytest.raises(BadInput, match="a list is written as JSON"):
        load_settings()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of this kind")
def test_what_the_service_writes_is_its_user_s_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, umask = tmp_path / "data", os.umask(0o022)
    try:
        assert main(["admin", "--data", str(data), "tenant", "create", "toys"]) == 0
        assert main(["admin", "--data", str(data), "backup", str(tmp_path / "b.tar")]) == 0
        made = [data, data / "service.sqlite", data / "files", tmp_path / "b.tar"]
        assert [path.stat().st_mode & 0o777 for path in made] == [0o700, 0o600, 0o700, 0o600]
        for path in made[:3]:  # as an earlier version left them
            path.chmod(path.stat().st_mode | 0o055)
        assert main(["admin", "--data", str(data), "tenant", "list"]) == 0
        modes = [path.stat().st_mode & 0o777 for path in made]
        assert modes == [0o755, 0o600, 0o700, 0o600], "a folder that is there may hold more than ours"
        (tmp_path / "after").touch()
        assert (tmp_path / "after").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(umask)


def test_a_full_disk_is_told_and_kills_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """prometheus_client's files have holes: on a full disk the next count ended the process by SIGBUS."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    for kind in ("counter", "histogram"):
        facts = (folder / f"{kind}_{os.getpid()}.db").stat()
        assert facts.st_blocks * 512 >= facts.st_size >= 128 * 1024, "no holes"
    waiting = house.send()

    def full(*_: object, **__: object) -> None:
        raise GenericError("Unable to write: No space left on device (os error 28)")

    monkeypatch.setattr(obstore, "put", full)
    files = {"picture": ("a.png", picture(), "image/png")}
    answer = house.call("POST", "/v1/jobs/upload", files=files)
    assert (answer.status_code, answer.json()["code"]) == (507, "DiskFull")
    assert house.work() == 1, "given back, to be tried again"
    job_ = house.call("GET", f"/v1/jobs/{waiting['id']}").json()
    assert (job_["state"], [each["role"] for each in job_["files"]]) == ("queued", ["input"])
    with house.database.write() as connection:
        connection.execute(sa.update(job).values(not_before=0))
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert house.work() == 1
    events = house.call("GET", f"/v1/jobs/{waiting['id']}").json()
    assert (events["state"], events["attempt"]) == ("queued", 2), "the worker lives, and tells why"
    monkeypatch.setattr(
        house.database,
        "write",
        lambda: (_ for _ in ()).throw(
            sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
        ),
    )
    answer = house.call("POST", "/v1/keys", json={"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (507, "DiskFull")


def test_a_canary_touches_no_export_and_a_stored_wrong_one_is_told(house: House) -> None:
    with house.database.write() as connection:
        set_limits(connection, house.tenants["first"], canary={"detail": "draft"}, canary_share=1.0)
    first = house.send()
    assert first["variant"] == "canary"
    house.work()
    assert house.child.orders[0].options["detail"] == "draft"
    export = house.call("POST", f"/v1/jobs/{first['id']}/exports", json={"formats": ["glb"]}).json()
    assert export["variant"] == "stable", "an export takes no options of an asset: it would fail"
    assert wrong_canaries(house.database) == []
    with house.database.write() as connection:
        connection.execute(sa.update(tenant).values(canary={"detail": "huge"}))
    ((name, problem),) = wrong_canaries(house.database)
    assert name == "first"
    assert "canary.detail: 'huge' is unknown" in problem


def test_the_first_key_is_made_once_and_strangers_are_kept_out(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "d", database=new_url(tmp_path), host="0.0.0.0", workers=0)
    with pytest.raises(BadInput, match="open to other machines"):
        serve(settings, lambda _: None)
    database = Database(settings.database_url)
    assert not has_keys(database)
    key = make_first_key(database, settings)
    assert key
    assert make_first_key(database, settings) is None
    with database.read() as connection:
        caller = keys.find(connection, key)
    assert caller
    assert caller.is_admin
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")


def test_metrics_add_up_over_processes_and_read_the_queue(house: House) -> None:
    house.tenant("watcher", scopes=("metrics",))
    assert house.call("GET", "/metrics").status_code == 403
    house.send()
    house.send()
    house.work(1)
    text = house.call("GET", "/metrics", who="watcher").text
    assert 'slipcast_jobs{state="queued"} 1.0' in text
    assert "slipcast_up 1.0" in text
    assert "slipcast_oldest_queued_seconds" in text


def test_health(house: House) -> None:
    assert house.client.get("/health/live").json() == {"status": "live"}
    assert house.client.get("/health/ready").status_code == 200
    house.client.app.state.service.draining = True  # type: ignore[attr-defined]
    answer = house.client.get("/health/ready")
    assert (answer.status_code, answer.json()["draining"]) == (503, True)


def test_an_error_rate_that_jumps_is_an_anomaly(house: House) -> None:
    now = time.time()
    with house.database.write() as connection:
        for number in range(60):
            late = number >= 50
            state = "failed" if late and number % 2 else "succeeded"
            begun = now - (300 if late else 20_000) - number
            row = {"kind": "convert", "state": state, "name": "x", "order": {}, "created_at": begun}
            connection.execute(
                sa.insert(job).values(
                    id=new_id("job"),
                    tenant_id=house.tenants["first"],
                    started_at=begun,
                    finished_at=begun + 5,
                    **row,
                )
            )
        found = find_anomalies(connection)
    assert [(each["what"], each["now"], each["usual"]) for each in found] == [("error rate", 0.5, 0.0)]


def test_a_canary_gets_its_share_and_its_own_options(house: House) -> None:
    with house.database.write() as connection:
        set_limits(connection, house.tenants["first"], canary_share=0.5, canary={"faces": 7000})
    made = [house.send()["variant"] for _ in range(40)]
    assert 8 <= made.count("canary") <= 32
    house.work()
    faces = {(order.options["faces"]) for order in house.child.orders}
    assert faces == {7000, 50000}
