"""The service's tests once more on PostgreSQL (Debian's package), started here for them alone.

Left out are those for which another database changes nothing: `ALIKE` says why of each.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.clients

ALIKE = {
    "test_serve.py": "its processes open SQLite, or no database; what a route says without one is said before SQL",
    "test_deploy.py": "it reads files; the metrics that it asks for are asked for by test_upkeep.py too",
    "test_ranges.py": "what HTTP makes of a file; each of its statements is sent by those of test_jobs.py",
    "test_answers.py": "what HTTP says of a request; each of its statements is sent by those of test_upkeep.py",
    "test_isolation.py::test_nothing_works_without_a_key": "each route asks for the key alone",
    "test_meshy.py::test_a_public_client_works_with_its_address_changed": "its SQL is that of the other Meshy tests",
}
"""Of each, every SQL statement that it sends is sent by a test that is not left out, too (recorded on SQLite)."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a new cluster; PostgreSQL does not run as root, so that `postgres` runs it there."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert places or shutil.which("pg_ctl"), "scripts/test-clients installs it (Debian's postgresql)"
    tools = places[-1] if places else Path(str(shutil.which("pg_ctl"))).parent
    folder = Path(
        tempfile.mkdtemp(prefix="slipcast-postgres-")
    )  # pytest removes old folders while another run goes on
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    as_user: list[str] = []
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    data = folder / "data"

    def call(*words: str) -> None:
        done = subprocess.run(
            [*as_user, *words], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        )
        assert done.returncode == 0, words

    call(str(tools / "initdb"), "-D", str(data), "-A", "trust", "-U", "slipcast", "--no-sync")
    options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300"
    call(str(tools / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start")
    yield f"postgresql://slipcast@127.0.0.1:{port}/postgres"
    call(str(tools / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def test_the_suite_on_postgresql(server: str) -> None:
    words = ["-q", "-n", "0", "-m", "not clients", "-p", "no:cacheprovider", "-x", "tests/service"]
    for place in ALIKE:
        file, _, name = place.partition("::")
        assert f"def {name or 'test_'}" in (ROOT / "tests/service" / file).read_text("utf-8"), place
        words += ["--deselect", f"tests/service/{place}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=ROOT,
        env={**os.environ, "SLIPCAST_TEST_DATABASE": server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
