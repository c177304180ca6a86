"""runners.py: order, retries, limits and ends of worker processes; and convert with two of them."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from kitchen import QUICK_TOML, small_knight

from slipcast.jobs.runners import Lost, count_workers, run_jobs


def square(number: int) -> int:
    time.sleep(0.05 * (number % 3))  # so that they do not end in order
    return number * number


def die_once(place: str) -> str:
    """Is killed the first time."""
    mark = Path(place)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return mark.name


def note_and_die(place: str) -> None:
    with Path(place).open("a", encoding="utf-8") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def misbehave(word: str) -> str:
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        time.sleep(600)
    return word


def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def test_results_come_in_order() -> None:
    found = list(run_jobs(square, range(12), workers=2))
    assert found == [(number, number * number) for number in range(12)]


def test_a_killed_worker_costs_nothing_but_a_second_try(tmp_path: Path) -> None:
    places = [str(tmp_path / name) for name in ("a", "b", "c")]
    assert [outcome for _, outcome in run_jobs(die_once, places, workers=2)] == ["a", "b", "c"]


def test_what_dies_or_hangs_twice_is_lost_and_the_rest_goes_on() -> None:
    words = ["one", "die", "two", "hang", "three"]
    found = dict(run_jobs(misbehave, words, workers=2, limit_s=8))
    assert [found[word] for word in ("one", "two", "three")] == ["one", "two", "three"]
    assert isinstance(found["die"], Lost)
    assert "SIGKILL" in found["die"].reason
    assert isinstance(found["hang"], Lost)
    assert "longer than 8 s" in found["hang"].reason


def test_what_kills_its_worker_is_tried_twice_and_not_more(tmp_path: Path) -> None:
    place = tmp_path / "tries"
    ((_, outcome),) = run_jobs(note_and_die, [str(place)], workers=1)
    assert isinstance(outcome, Lost)
    assert place.read_text(encoding="utf-8") == "xx"


def test_an_error_comes_out_and_leaves_no_worker() -> None:
    with pytest.raises(ValueError, match="no 1"):
        list(run_jobs(fail, [1], workers=2))


def test_at_least_one_worker_fits() -> None:
    assert count_workers() >= 1


def test_two_workers_make_the_same_files_as_one(tmp_path: Path) -> None:
    from slipcast.cli.main import main

    pictures = []
    for name in ("a", "b"):
        place = tmp_path / f"{name}.png"
        small_knight(64).save(place)
        pictures.append(str(place))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    words = ["--recipe", str(QUICK_TOML)]
    assert main(["convert", *pictures, str(bad), "--jobs", "2", "--out", str(tmp_path / "two"), *words]) != 0
    assert main(["convert", *pictures, "--out", str(tmp_path / "one"), *words]) == 0
    for name in ("a", "b"):
        one, two = (tmp_path / folder / f"{name}.glb" for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert json.loads((tmp_path / "two" / f"{name}.json").read_text())["run"]["peak_memory_mb"] > 0
    assert not (tmp_path / "two" / "bad.glb").exists()
