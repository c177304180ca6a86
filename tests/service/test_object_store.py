"""The service, and many pictures from Python, on an object store: moto's server, which stands in for S3."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.s3 import BUCKET, s3_server
from kitchen import QUICK
from serving import House, make_house, picture

from slipcast import Recipe, Workshop
from slipcast.jobs.places import list_addresses, read_address, write_addresses
from slipcast.service.backup import back_up, restore
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import upgrade
from slipcast.service.erase import sweep
from slipcast.service.store import Store

pytestmark = pytest.mark.clients


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket."""
    with s3_server(tmp_path / "s3.log") as surroundings:
        for name, value in surroundings.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}"


@pytest.fixture
def house(tmp_path: Path, s3: str, kitchen: list[Recipe]) -> Iterator[House]:
    made = make_house(tmp_path / "data", store=f"{s3}/service")
    yield made
    made.client.close()
    made.database.close()


def test_a_jobs_files_go_to_the_store_and_come_back(house: House, s3: str) -> None:
    job = house.send()
    assert house.work() == 1
    files = house.call("GET", f"/v1/jobs/{job['id']}/files").json()
    outputs = [each for each in files if each["role"] == "output"]
    assert len(outputs) == 3
    for each in files:
        answer = house.call("GET", each["url"])
        assert answer.status_code == 200
        assert hashlib.sha256(answer.content).hexdigest() == each["sha256"]
        assert "immutable" in answer.headers["cache-control"]
    stored = {(tenant, sha256) for tenant, sha256, _, _ in house.store.stored()}
    assert stored == {(house.tenants["first"], each["sha256"]) for each in files}
    assert not (house.settings.data / "files").exists(), "nothing lies on this machine"
    house.call("DELETE", f"/v1/jobs/{job['id']}")
    sweep(house.database, house.store, audit_days=90)
    assert house.client.get("/health/ready").status_code == 200


def test_a_backup_moves_from_the_store_to_a_folder(house: House, tmp_path: Path) -> None:
    job = house.send()
    house.work()
    back_up(house.database, house.store, tmp_path / "all.tar")
    fresh = Database(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    upgrade(fresh)
    folder = Store((tmp_path / "files").as_uri())
    restore(fresh, folder, tmp_path / "all.tar")
    files = house.call("GET", f"/v1/jobs/{job['id']}/files").json()
    for each in files:
        data = folder.get(house.tenants["first"], each["sha256"])
        assert hashlib.sha256(data).hexdigest() == each["sha256"]
    fresh.close()


def test_many_pictures_go_from_the_store_to_the_store(s3: str) -> None:
    write_addresses(
        f"{s3}/in", {"one.png": picture(96), "two.png": picture(112), "bad.png": b"x"}, last="bad.png"
    )
    recipe = QUICK
    for resumed in (False, True):
        with Workshop() as shop:
            pictures = list_addresses(f"{s3}/in", (".png",))
            done = list(shop.convert_many(pictures, recipe, out=f"{s3}/out", resume=True))
        assert [each.ok for each in done] == [False, True, True]
        assert [each.resumed for each in done[1:]] == [resumed, resumed]
    assert read_address(f"{s3}/out/one.glb")[:4] == b"glTF"


def test_a_part_of_a_file_comes_from_the_store(house: House) -> None:
    job = house.send()
    house.work()
    path = f"/v1/jobs/{job['id']}/files/knight.glb"
    for asked, content in (("bytes=0-2", b"glb"), ("bytes=-6", b"knight"), ("bytes=4-5", b"of")):
        answer = house.call("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, content)
    assert house.call("HEAD", path).headers["content-length"] == "13"
