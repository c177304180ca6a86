"""scripts/bench --against REV: this working tree and another commit, run in turn on the same pictures.

Each side is installed as users install it, `pip install` of its own checkout with its own constraints.txt, core alone,
into an environment of its own under .against/ (kept, so that the next run begins at once; this tree's is renewed).
Both run the installed package from an empty folder, byte code compiled. A row tells the medians and their ratio:

cold       wall, CPU (user and system, all threads) and peak memory of `slipcast convert PICTURE` in a fresh process
warm       wall and CPU of the same in a process that has converted it before
many       with --pictures FOLDER: pictures a minute, and the most memory of all processes together (shared pages
           counted once), with `--jobs N` where the side has that option
install    megabytes of site-packages without pip and setuptools

The machine should be quiet: on a busy one wall time means nothing, and CPU time is a third too high on both sides.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".against"
_RUN = (
    "import sys; import slipcast.cli.main as cli; "
    "getattr(cli, 'run_and_leave', lambda: sys.exit(cli.main()))()"  # what the command itself does
)
_WARM = """
import json, sys, time
from slipcast import convert
convert(sys.argv[1])
told = []
for _ in range(int(sys.argv[2])):
    wall, cpu = time.perf_counter(), time.process_time()
    convert(sys.argv[1])
    told.append((time.perf_counter() - wall, time.process_time() - cpu))
print(json.dumps(told))
"""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One build, installed."""

    title: str
    python: Path

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's Python reaches it."""
        return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def has(self, option: str) -> bool:
        """Whether its `convert` knows an option."""
        words: list[str | Path] = [self.python, "-c", _RUN, "convert", "--help"]
        with tempfile.TemporaryDirectory() as place:
            done = subprocess.run(
                words, cwd=place, env=self.environment(), capture_output=True, text=True, check=True
            )
        return option in done.stdout


def measure(asked: argparse.Namespace) -> dict[str, object]:
    """Install both, run them in turn, print the table and return it."""
    revision = _git("rev-parse", "--short", asked.against)
    sides = (_install_commit(revision), _install_here())
    rows: dict[str, list[list[float]]] = {}

    def note(row: str, side: int, value: float) -> None:
        rows.setdefault(row, [[], []])[side].append(value)

    for turn in range(asked.repeat):
        for number, side in enumerate(sides):
            wall_s, cpu_s, peak_mb = _run_cold(side, asked.picture)
            print(
                f"  {turn + 1} {side.title}: {wall_s:.2f} s, CPU {cpu_s:.2f} s, {peak_mb:.0f} MB",
                file=sys.stderr,
            )
            note("cold, wall s", number, wall_s)
            note("cold, CPU s", number, cpu_s)
            note("cold, peak MB", number, peak_mb)
    for number, side in enumerate(sides):
        for wall_s, cpu_s in _run_warm(side, asked.picture, asked.repeat):
            note("warm, wall s", number, wall_s)
            note("warm, CPU s", number, cpu_s)
    if asked.pictures:
        pictures = sorted(
            path for path in asked.pictures.rglob("*") if path.suffix in (".png", ".jpg", ".jpeg", ".webp")
        )
        for number, side in enumerate(sides):
            minute, peak_mb = _run_many(side, pictures[: asked.most], asked.jobs)
            note("many, pictures a minute", number, minute)
            note("many, MB of all processes", number, peak_mb)
    for number, side in enumerate(sides):
        note("install, MB", number, _installed_mb(side))
    print(f"\n| | {sides[0].title} | {sides[1].title} | ratio |\n|---|---|---|---|")
    told: dict[str, object] = {
        "revision": revision,
        "load": round(os.getloadavg()[0], 1),
        "repeat": asked.repeat,
    }
    for row, values in rows.items():
        before, after = (statistics.median(each) for each in values)
        print(f"| {row} | {before:.2f} | {after:.2f} | {after / before:.2f} |")
        told[row] = {"before": before, "after": after, "ratio": round(after / before, 3)}
    return told


def _run_cold(side: Side, picture: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak MB of one conversion in a fresh process."""
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [side.python, "-c", _RUN, "convert", picture.resolve(), "--out", "out"],
            cwd=place,
            env=side.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"bench: {side.title} ends with {process.returncode} on {picture}")
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / unit


def _run_warm(side: Side, picture: Path, repeat: int) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [side.python, "-c", _WARM, str(picture.resolve()), str(repeat)],
            cwd=place,
            env=side.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
    return [(wall_s, cpu_s) for wall_s, cpu_s in json.loads(done.stdout.splitlines()[-1])]


def _run_many(side: Side, pictures: list[Path], jobs: int) -> tuple[float, float]:
    """Pictures a minute, and the most MB of the process and its children together."""
    if not pictures:
        raise SystemExit("bench: --pictures holds no .png, .jpg or .webp; give a folder that does")
    more = ["--jobs", str(jobs)] if side.has("--jobs") else []
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        words: list[str | Path] = [side.python, "-c", _RUN, "convert", "--out", "out"]
        words += [path.resolve() for path in pictures]  # earlier builds read no list
        process = subprocess.Popen(
            [*words, *more],
            cwd=place,
            env=side.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peaks = [0.0]
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.2):
                peaks.append(sum(memory_mb(pid) for pid in family_of(process.pid)))

        watcher = threading.Thread(target=look)
        watcher.start()
        process.wait()
        ended.set()
        watcher.join()
        made = len(list(Path(place, "out").glob("*.glb")))
        print(f"  {side.title}: {made} of {len(pictures)} pictures became assets", file=sys.stderr)
        if not made:
            raise SystemExit(f"bench: {side.title} makes nothing of {len(pictures)} pictures")
        return made / (time.perf_counter() - begun) * 60, max(peaks)


def family_of(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        for place in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(word) for word in place.read_text().split()]
            except OSError:
                continue  # it ended
    return found


def memory_mb(pid: int) -> float:
    """The share of a process in the memory in use (PSS: a page of two processes counts half in each)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _install_commit(revision: str) -> Side:
    place = HOME / revision
    source = place / "source"
    if not source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        _git("worktree", "add", "--detach", str(source), revision)
    return _install(revision, source, place / "environment", renew=False)


def _install_here() -> Side:
    return _install("this tree", ROOT, HOME / "here", renew=True)


def _install(title: str, source: Path, environment: Path, *, renew: bool) -> Side:
    """Install the package in `source` with its core dependencies; an environment that is ready is only renewed."""
    python, stamp = environment / "bin" / "python", environment / "ready"
    wanted = (source / "constraints.txt").read_text(encoding="utf-8") + (source / "pyproject.toml").read_text(
        encoding="utf-8"
    )
    ready = stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted
    if not ready:
        print(f"  installing {title} into {environment.relative_to(ROOT)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
    if renew or not ready:
        again = ["--force-reinstall", "--no-deps"] if ready else []
        settings = {"PIP_CONSTRAINT": str(source / "constraints.txt"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *again, source],
            env={**os.environ, **settings},
            check=True,
        )
    stamp.write_text(wanted, encoding="utf-8")
    return Side(title=title, python=python)


def _installed_mb(side: Side) -> float:
    (folder,) = side.python.parents[1].glob("lib/python*/site-packages")
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")
    size = sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(tools)
    )
    return size / 1e6


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True
    ).stdout.strip()
