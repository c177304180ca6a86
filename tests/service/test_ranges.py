"""Files as HTTP serves them: HEAD, ranges, conditions, names, and links that no Host header bends."""

from itertools import product
from typing import Any

import pytest
from serving import House, make_house

WHOLE = b"glb of knight"


@pytest.fixture
def places(house: House) -> list[tuple[str, dict[str, str]]]:
    """A file's address with a key, and its signed link without one."""
    job = house.send()
    house.work()
    path = f"/v1/jobs/{job['id']}/files/knight.glb"
    link = house.call("POST", f"{path}/link").json()["url"]
    return [(path, {"X-API-Key": house.keys["first"]}), (link, {})]


PARTS: list[tuple[dict[str, str], int, bytes, str | None]] = [
    ({}, 200, WHOLE, None),
    ({"Range": "bytes=0-2"}, 206, b"glb", "bytes 0-2/13"),
    ({"Range": "bytes=4-"}, 206, b"of knight", "bytes 4-12/13"),
    ({"Range": "bytes=-6"}, 206, b"knight", "bytes 7-12/13"),
    ({"Range": "bytes=-99"}, 206, WHOLE, "bytes 0-12/13"),
    ({"Range": "bytes=7-99"}, 206, b"knight", "bytes 7-12/13"),
    ({"Range": "bytes=0-1,4-5"}, 200, WHOLE, None),
    ({"Range": "bytes=5-2"}, 200, WHOLE, None),
    ({"Range": "lines=1-2"}, 200, WHOLE, None),
    ({"Range": "bytes=0-2", "If-Range": "TAG"}, 206, b"glb", "bytes 0-2/13"),
    ({"Range": "bytes=0-2", "If-Range": '"older"'}, 200, WHOLE, None),
    ({"Range": "bytes=0-2", "If-Range": "W/TAG"}, 200, WHOLE, None),
    ({"Range": "bytes=0-2", "If-None-Match": "TAG"}, 304, b"", None),
]
"""What is asked, and the status, content and Content-Range of the answer."""


def test_a_part_of_a_file(house: House, places: list[tuple[str, dict[str, str]]]) -> None:
    for (path, key), (asked, status, content, said) in product(places, PARTS):
        tag = house.client.get(path, headers=key).headers["etag"]
        headers = {**key, **{name: value.replace("TAG", tag) for name, value in asked.items()}}
        answer = house.client.get(path, headers=headers)
        assert (answer.status_code, answer.content) == (status, content), asked
        assert answer.headers.get("content-range") == said, asked
        assert "immutable" in answer.headers["cache-control"]
        assert (answer.headers["etag"], answer.headers["accept-ranges"]) == (tag, "bytes")
        head = house.client.head(path, headers=headers)
        assert (head.status_code, head.content) == (status, b""), asked
        names = ("content-length", "content-type", "content-range", "etag", "cache-control")
        assert [head.headers.get(name) for name in names] == [answer.headers.get(name) for name in names]
        if status != 304:
            assert answer.headers["content-length"] == str(len(content)), asked


def test_a_range_beyond_the_end_is_told(house: House, places: list[tuple[str, dict[str, str]]]) -> None:
    for path, key in places:
        for asked in ("bytes=13-", "bytes=-0"):
            answer = house.client.get(path, headers={**key, "Range": asked})
            assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */13")
            assert answer.json()["code"] == "RangeNotSatisfiable"


def test_a_link_may_be_used_by_another_site_and_a_file_not(
    house: House, places: list[tuple[str, dict[str, str]]]
) -> None:
    (path, key), (link, _) = places
    assert house.client.get(link).headers["access-control-allow-origin"] == "*"
    assert house.client.get(link).headers["cross-origin-resource-policy"] == "cross-origin"
    file = house.client.get(path, headers=key)
    assert "access-control-allow-origin" not in file.headers
    assert file.headers["cross-origin-resource-policy"] == "same-origin"


def test_no_host_header_bends_a_link(house: House) -> None:
    job = house.send()
    house.work()

    def link(house: House, id: str) -> Any:
        path = f"/v1/jobs/{id}/files/knight.glb/link"
        return house.call("POST", path, headers={"Host": "evil.test"}).json()["url"]

    assert link(house, job["id"]).startswith("http://127.0.0.1:80/v1/links/")
    assert "evil" not in house.call("GET", "/v1/jobs/", headers={"Host": "evil.test"}).text
    public = make_house(house.settings.data / "public", public_url="https://figurines.test/", tenant="first")
    job = public.send()
    public.work()
    assert link(public, job["id"]).startswith("https://figurines.test/v1/links/")


def test_a_name_with_spaces_and_letters_of_all_kinds_has_a_good_address(house: House) -> None:
    job = house.send(name="Löwe im Zoo")
    house.work()
    files = house.call("GET", f"/v1/jobs/{job['id']}").json()["files"]
    (glb,) = [each for each in files if each["name"].endswith(".glb")]
    assert glb["url"].endswith("/files/L%C3%B6we%20im%20Zoo.glb")
    answer = house.call("GET", glb["url"])
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"L?we im Zoo.glb\"; filename*=UTF-8''L%C3%B6we%20im%20Zoo.glb"
    )


def test_probes_may_ask_with_head(house: House) -> None:
    for path in ("/health/live", "/health/ready"):
        assert house.client.head(path).status_code == 200
