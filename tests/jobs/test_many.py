"""Many pictures from Python: to a folder or an object store, by address, again without doing anything twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kitchen import QUICK, small_knight

from slipcast import BadInput, Recipe, Workshop
from slipcast.jobs.many import Converted
from slipcast.jobs.places import is_address, list_addresses, read_address

pytest.importorskip("obstore", reason="the extra service or ray is not installed")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small knights and a file that is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(2):
        small_knight(64 + 8 * number).save(folder / f"p{number}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def convert(pictures: list[str], out: str | Path, *, resume: bool = False) -> list[Converted]:
    with Workshop() as shop:
        return list(shop.convert_many(pictures, QUICK, out=out, resume=resume))


def test_addresses_are_told_from_paths() -> None:
    assert is_address("s3://bucket/owl.png")
    assert is_address("gs://bucket/owl.png")
    assert not is_address("C:/pictures/owl.png")
    assert not is_address(Path("owl.png"))
    assert not is_address("https://example.org/owl.png")


def test_pictures_and_results_lie_in_a_store(pictures: Path, tmp_path: Path) -> None:
    place, out = pictures.as_uri(), (tmp_path / "assets").as_uri()
    found = list(list_addresses(place, (".png",)))
    assert [each.rpartition("/")[2] for each in found] == ["bad.png", "p0.png", "p1.png"]
    bad, one, two = convert(found, out)
    assert bad.failure is not None
    assert bad.failure.kind == "BadInput"
    assert bad.places == ()
    for done, name in ((one, "p0"), (two, "p1")):
        assert done.ok
        assert not done.resumed
        assert done.places == tuple(f"{out}/{name}{end}" for end in (".glb", ".json", ".preview.png"))
        assert done.result is not None
        assert done.result.files == {}
        assert done.result.metadata["picture"]["file"] == f"{name}.png"  # type: ignore[index]
        assert read_address(done.places[0])[:4] == b"glTF"
    with Workshop() as shop:
        (here,) = shop.convert_many([pictures / "p0.png"], QUICK)
    assert here.result is not None
    assert read_address(one.places[0]) == here.result.main, "the same bytes wherever it was made"


@pytest.mark.parametrize("is_store", [True, False])
def test_nothing_is_made_twice(pictures: Path, tmp_path: Path, is_store: bool, kitchen: list[Recipe]) -> None:
    out = (tmp_path / "assets").as_uri() if is_store else tmp_path / "assets"
    given = [str(pictures / "p0.png"), str(pictures / "p1.png")]
    (first,) = convert(given[:1], out)
    done = convert(given, out, resume=True)
    assert [each.resumed for each in done] == [True, False]
    assert len(kitchen) == 2
    assert done[0].places == first.places
    assert done[0].result is not None
    assert first.result is not None
    assert done[0].result.verdict == first.result.verdict
    # other options, or files that are gone, are made anew
    (tmp_path / "assets" / "p0.json").unlink()
    assert [each.resumed for each in convert(given, out, resume=True)] == [False, True]
    with Workshop() as shop:
        again = list(shop.convert_many(given, QUICK.change(faces=600), out=out, resume=True))
    assert not any(each.resumed for each in again)
    assert len(kitchen) == 5


@pytest.mark.usefixtures("kitchen")
def test_two_of_one_name_are_not_written_over_each_other(pictures: Path, tmp_path: Path) -> None:
    one, two = convert([str(pictures / "p0.png"), f"{pictures.as_uri()}/p0.png"], tmp_path / "out")
    assert one.ok
    assert two.failure is not None
    assert "p0 is the name of two pictures" in two.failure.message


@pytest.mark.usefixtures("kitchen")
def test_endless_pictures_are_taken_one_by_one(pictures: Path, tmp_path: Path) -> None:
    asked = []

    def endless() -> Iterator[str]:
        while True:
            asked.append(1)
            yield str(pictures / "p0.png")

    with Workshop() as shop:
        coming = shop.convert_many(endless(), QUICK, out=tmp_path)
        assert next(coming).ok
    assert len(asked) == 1


def test_wrong_words_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with Workshop() as shop:
        with pytest.raises(BadInput, match="resume needs out"):
            shop.convert_many(["x.png"], QUICK, resume=True)
        monkeypatch.setattr("slipcast.jobs.places.find_spec", lambda name: None)
        with pytest.raises(BadInput, match="pip install obstore"):
            shop.convert_many(["x.png"], QUICK, out="s3://bucket/assets")


def test_an_unknown_runner_is_refused() -> None:
    with pytest.raises(BadInput, match="give local, ray or ray://HOST:PORT"):
        Workshop(runner="mars")
