"""The store of bought pictures, and how alike two prompts are."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from buying import request

from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.generate.request import Reference
from slipcast.generate.stock.cache import Cache, CacheOptions
from slipcast.generate.stock.similar import similarity


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    made = Cache(CacheOptions(folder=tmp_path))
    yield made
    made.close()


def put(
    cache: Cache, key: str, data: bytes = b"picture", *, frame: str = "f", subject: str = "", take: int = 0
) -> None:
    cache.put(
        key,
        frame=frame,
        subject=subject,
        take=take,
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        mime="image/png",
        facts={"k": key},
    )


def test_what_was_put_is_found_as_it_was(cache: Cache) -> None:
    put(cache, "a", b"\x89PNG...")
    kept = cache.get("a")
    assert kept
    assert (kept.data, kept.mime, kept.facts, kept.similarity) == (
        b"\x89PNG...",
        "image/png",
        {"k": "a"},
        None,
    )
    assert cache.get("b") is None


def test_equal_pictures_are_one_file(cache: Cache, tmp_path: Path) -> None:
    put(cache, "a")
    put(cache, "b")
    assert cache.size() == (2, len(b"picture"))
    assert len(list(tmp_path.rglob("*.png"))) == 1


def test_a_damaged_or_lost_file_is_no_picture(cache: Cache, tmp_path: Path) -> None:
    for damaged in (b"pict", None):
        put(cache, "a")
        (path,) = tmp_path.rglob("*.png")
        path.unlink()
        if damaged:
            path.write_bytes(damaged)
        assert cache.get("a") is None
        assert cache.size()[0] == 0


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    cache = Cache(CacheOptions(folder=tmp_path, most_bytes=2500))
    put(cache, "old", b"o" * 1000)
    put(cache, "used", b"u" * 1000)
    cache.get("old")
    put(cache, "new", b"n" * 1000)
    assert [bool(cache.get(key)) for key in ("old", "used", "new")] == [True, False, True]
    assert cache.size()[1] <= 2500
    put(cache, "huge", b"h" * 9000)
    assert cache.get("huge")
    assert cache.size() == (1, 9000)
    assert len(list(tmp_path.rglob("*.png"))) == 1
    cache.close()
    with pytest.raises(BadInput, match="most_bytes"):
        Cache(CacheOptions(folder=tmp_path, most_bytes=0))


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="SLIPCAST_HOME"):
        Cache(CacheOptions(folder=tmp_path / "file"))
    (tmp_path / "index.sqlite").write_text("no database at all, but long enough to be looked at")
    with pytest.raises(BadInput, match=r"index\.sqlite is not a database"):
        Cache(CacheOptions(folder=tmp_path))


def test_processes_share_the_store_and_take_turns(cache: Cache, tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, time; from pathlib import Path; from slipcast.generate.stock.cache import *\n"
        "cache = Cache(CacheOptions(folder=Path(sys.argv[1])))\n"
        "async def run():\n"
        "    for n in range(20):\n"
        "        async with cache.turn(f'{n}'.rjust(8, 'x')[::-1]):\n"
        "            if not cache.get(str(n)):\n"
        "                await asyncio.sleep(0.005); print(n)\n"
        "                data = str(n).encode() * 500\n"
        "                cache.put(str(n), frame='', subject='', take=0, data=data, mime='image/png', facts={},\n"
        "                          sha256=hashlib.sha256(data).hexdigest())\n"
        "asyncio.run(run())"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    made = [int(line) for run in runs for line in run.communicate(timeout=60)[0].split()]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert sorted(made) == list(range(20))  # each picture was made by one process only
    assert all(cache.get(str(n)) for n in range(20))


def test_a_turn_is_given_back(cache: Cache) -> None:
    order: list[str] = []

    async def one(name: str) -> None:
        async with cache.turn("key"):
            order.append(name)
            await asyncio.sleep(0.02)
            order.append(name)

    async def run() -> None:
        task = asyncio.create_task(one("cancelled"))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(one("a"), one("b"))

    asyncio.run(run())
    assert order[1:3] in (["a", "a"], ["b", "b"])


def test_equal_requests_have_equal_keys_and_others_do_not() -> None:
    base = request("a fox")
    key = base.key("gemini")
    assert key == request("a fox", name="other", facts=(("a", 1),), priority=3, subject="").key("gemini")
    others = [
        request("a fox.").key("gemini"),
        base.key("gemini@127.0.0.1"),
        *(
            request("a fox", **change).key("gemini")
            for change in (
                {"take": 1},
                {"model": "m"},
                {"ratio": "3:4"},
                {"size": "2K"},
                {"view": View.BACK},
                {"thinking": "high"},
                {"references": (Reference(data=b"x", mime="image/png"),)},
            )
        ),
    ]
    assert len({key, *others}) == len(others) + 1
    assert len(key) == len(hashlib.sha256().hexdigest())


def test_frames_are_equal_when_only_the_subject_differs() -> None:
    frame = request("a fox").frame("gemini")
    assert frame == request("an owl in boots", take=2).frame("gemini")
    assert frame != request("a fox", size="2K").frame("gemini")
    assert frame != replace(request("a fox"), text="Another scene with a fox").frame("gemini")


SAME = [
    ("a brave knight with a round shield", "the brave knights with round shields"),
    ("clockwork owl knight", "an owl knight, clockwork"),
    ("A fox in tall boots and a feathered hat", "fox in a feathered hat and in tall boots"),
]
OTHER = [
    ("red knight with a round shield", "blue knight with a round shield"),
    ("a dragon with two heads", "a dragon with three heads"),
    ("a goblin with a hat", "a goblin without a hat"),
    ("a marble statue of a lion", "a bronze statue of a lion"),
    ("a warrior raising the left hand", "a warrior raising the right hand"),
    ("a sitting cat with a bell", "a running cat with a bell"),
    ("a robot, 12 cm", "a robot, 15 cm"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_order_and_fillers_do_not_matter(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one) == 1


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_a_telling_word_vetoes(one: str, other: str) -> None:
    assert similarity(one, other) == 0


def test_in_between_is_the_share_of_common_words() -> None:
    assert similarity("brave knight with shield", "brave knight with spear") == pytest.approx(2 / 3)
    assert similarity("", "") == 1
    assert similarity("fox", "") == 0


def test_near_takes_the_nearest_of_the_same_frame(cache: Cache) -> None:
    put(cache, "a", b"a", subject="brave knight with long cape, round shield")
    put(cache, "b", b"b", subject="brave knight, long cape, round shield, plume")
    put(cache, "c", b"c", subject="brave knight, long cape, round shield, plume", frame="other")
    kept = cache.near("f", 0, "a brave knight with a long cape, a plume and a round shield", least=0.85)
    assert kept
    assert (kept.data, kept.similarity) == (b"b", 1.0)
    assert cache.near("f", 1, "brave knight with long cape, round shield", least=0.85) is None
    assert cache.near("f", 0, "a fox", least=0.85) is None
