"""on_ray.py: the same assets from a Ray cluster, with a node killed on the way; and what is said where Ray is not."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from kitchen import QUICK_TOML, small_knight

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.jobs.on_ray import is_ray, run_on_ray

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".clients" / "ray" / "bin" / "python"
DRAFT = ("--recipe", str(QUICK_TOML))


def pictures(place: Path, count: int) -> list[str]:
    """Small pictures of which none is like another."""
    found = []
    for number in range(count):
        path = place / f"p{number}.png"
        small_knight(80 + 4 * number).save(path)
        found.append(str(path))
    return found


def run(*words: str, code: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script in the environment that has Ray."""
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests" / "jobs")))
    settings = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **more}
    start = ["-c", code] if code else []
    return subprocess.run(
        [PYTHON, *start, *words], env=settings, capture_output=True, text=True, check=False, timeout=1500
    )


def test_names_of_runners() -> None:
    assert is_ray("ray")
    assert is_ray("ray://10.0.0.1:10001")
    assert not is_ray("local")


def test_without_ray_one_sentence_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("slipcast.jobs.on_ray._has_ray", lambda: False)
    with pytest.raises(BadInput, match=r"pip install slipcast\[ray\]"):
        list(run_on_ray(abs, [1]))
    (picture,) = pictures(tmp_path, 1)
    assert main(["convert", picture, "--runner", "mars", "--out", str(tmp_path / "out")]) == 2
    assert "use local, ray or ray://HOST:PORT" in capfd.readouterr().err


@pytest.mark.clients
def test_a_node_that_dies_costs_no_asset_and_no_byte(tmp_path: Path) -> None:
    given = pictures(tmp_path, 5)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    local, far = tmp_path / "local", tmp_path / "far"
    assert main(["convert", *given, "--out", str(local), *DRAFT]) == 0
    script = str(ROOT / "tests" / "clients" / "ray_cluster.py")
    words = (*given, str(bad), "--runner", "ray", "--jobs", "2", *DRAFT)
    done = run(script, str(far), "1", *words)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["killed_at"], done.stderr
    assert told["code"] == 2, done.stderr  # the bad picture alone
    for path in sorted(local.glob("*.glb")):
        assert (far / path.name).read_bytes() == path.read_bytes(), path.name
    # Without Ray the same pictures are found to be done.
    assert main(["convert", *given, "--out", str(far), "--resume", *DRAFT]) == 0


@pytest.mark.clients
def test_a_workshop_on_ray_reads_and_writes_an_object_store(tmp_path: Path) -> None:
    """The nodes share no folder: pictures and assets lie in moto's server, which stands in for S3."""
    from clients.s3 import BUCKET, s3_server

    code = f"""
from slipcast import Recipe, Workshop
from slipcast.jobs.places import list_addresses, read_address
recipe = Recipe.from_toml({QUICK_TOML.read_text("utf-8")!r})
place = "s3://{BUCKET}"
for _ in range(2):
    with Workshop(runner="ray") as shop:
        for done in shop.convert_many(list_addresses(place + "/in", (".png",)), recipe, workers=1, out=place + "/out",
                                      resume=True):
            name = done.source.rpartition("/")[2]
            print(name, done.ok, done.resumed, done.failure.kind if done.failure else len(done.places))
import sys
for name in ("p0", "p1"):
    with open(f"{{sys.argv[1]}}/{{name}}.glb", "wb") as file:
        file.write(read_address(f"{{place}}/out/{{name}}.glb"))
"""
    given = pictures(tmp_path, 2)
    assert main(["convert", *given, "--out", str(tmp_path / "local"), *DRAFT]) == 0
    far = tmp_path / "far"
    far.mkdir()
    with s3_server(tmp_path / "s3.log") as surroundings:
        import obstore
        from obstore.store import S3Store

        store = S3Store(
            BUCKET,
            access_key_id="stand-in",
            secret_access_key="stand-in",
            region="us-east-1",
            endpoint=surroundings["AWS_ENDPOINT"],
            client_options={"allow_http": True},
        )
        for path in (*map(Path, given), tmp_path / "bad.png"):
            data = path.read_bytes() if path.is_file() else b"no picture"
            obstore.put(store, f"in/{path.name}", data)
        done = run(str(far), code=code, **surroundings)
    told = [line for line in done.stdout.splitlines() if "(raylet)" not in line]
    assert told == [
        "bad.png False False BadInput",
        "p0.png True False 3",
        "p1.png True False 3",
        "bad.png False False BadInput",
        "p0.png True True 3",
        "p1.png True True 3",
    ], done.stderr
    for name in ("p0.glb", "p1.glb"):
        assert (far / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.clients
def test_a_cluster_that_does_not_answer_or_is_another_is_said_in_one_sentence(tmp_path: Path) -> None:
    (picture,) = pictures(tmp_path, 1)
    code = "import sys; from slipcast.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = ("convert", picture, "--out", str(tmp_path / "out"), *DRAFT, "--runner")
    silent = run(*words, "ray://127.0.0.1:9", code=code)
    assert silent.returncode == 2
    assert "ray://127.0.0.1:9 does not answer" in silent.stderr
    assert "Traceback" not in silent.stderr
    other = "import slipcast.jobs.on_ray as on_ray; on_ray._Hand.tell = lambda self: ('0.0.9', on_ray._python(), '')\n"
    older = run(*words, "ray", code=other + code)
    assert older.returncode == 2, older.stderr
    assert "has Slipcast 0.0.9" in older.stderr


@pytest.mark.clients
def test_a_hanging_job_is_lost_and_an_error_comes_out() -> None:
    code = """
from ray_jobs import fail, misbehave
from slipcast.jobs.on_ray import run_on_ray
for word, outcome in run_on_ray(misbehave, ["one", "hang", "die", "two"], workers=2, limit_s=5):
    print(word, getattr(outcome, "reason", outcome), sep=": ")
try:
    list(run_on_ray(fail, [1], workers=1))
except ValueError as error:
    print(error)
"""
    done = run(code=code)
    # Ray tells of the killed worker on stdout; the command line holds its own stdout clean.
    assert [line for line in done.stdout.splitlines() if "(raylet)" not in line] == [
        "one: one",
        "hang: it took longer than 5 s",
        "die: its Ray actor or the node of it died",
        "two: two",
        "no 1",
    ], done.stderr
