"""The scripts that need our packages run as their help says, from any folder, in the project's own environment."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.parametrize("name", ["bench-watch", "kill-service", "load-service"])
def test_a_script_finds_its_packages(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPTS / name, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: {name}" in done.stdout or f"scripts/{name}" in done.stdout
