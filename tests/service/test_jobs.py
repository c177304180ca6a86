"""`/v1/jobs` and files: what a client sees from sending a picture to its asset."""

import base64
import json

import pytest
import sqlalchemy as sa
from serving import House, picture

from slipcast.service.jobs import queue


def test_a_picture_becomes_an_asset(house: House) -> None:
    job = house.send(name="owl", cost_center="toys")
    assert (job["state"], job["name"], job["queue_position"]) == ("queued", "owl", 1)
    assert house.work() == 1
    done = house.call("GET", f"/v1/jobs/{job['id']}").json()
    assert (done["state"], done["progress"], done["error"]) == ("succeeded", 100, None)
    assert [each["name"] for each in done["files"]] == [
        "knight.png",
        "owl.glb",
        "owl.json",
        "owl.preview.png",
    ]
    file = house.call("GET", f"/v1/jobs/{job['id']}/files/owl.glb")
    assert file.content == b"glb of owl"
    assert file.headers["content-type"] == "model/gltf-binary"
    assert "attachment" in file.headers["content-disposition"]
    assert file.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = house.call(
        "GET", f"/v1/jobs/{job['id']}/files/owl.glb", headers={"If-None-Match": file.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_signed_link_needs_no_key_and_names_one_file(house: House) -> None:
    job = house.send()
    house.work()
    link = house.call("POST", f"/v1/jobs/{job['id']}/files/knight.glb/link").json()
    answer = house.client.get(link["url"])
    assert answer.content == b"glb of knight"
    assert answer.headers["cache-control"].startswith("public")
    assert house.client.get(link["url"].replace("knight.glb", "knight.json")).status_code == 404
    assert house.client.get(link["url"].replace("links/", "links/x")).status_code == 404


def test_events_are_streamed_from_the_last_seen_on(house: House) -> None:
    job = house.send()
    house.work()
    with house.client.stream(
        "GET", f"/v1/jobs/{job['id']}/events", headers={"X-API-Key": house.keys["first"]}
    ) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        whole = stream.read().decode()
    kinds = [line.removeprefix("event: ") for line in whole.splitlines() if line.startswith("event: ")]
    assert (kinds[0], kinds[1], kinds[-1]) == ("queued", "running", "succeeded")
    ids = [int(line.removeprefix("id: ")) for line in whole.splitlines() if line.startswith("id: ")]
    assert ids == list(range(1, len(ids) + 1))
    rest = house.call("GET", f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": str(ids[-2])}).text
    assert rest.count("event: ") == 1
    assert "event: succeeded" in rest
    for seen in (ids[-1], 999):  # as a browser that has read the end comes back; it was answered for ever
        end = house.call("GET", f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": str(seen)}).text
        assert "event: " not in end


def test_data_uris_and_several_views(house: House) -> None:
    uri = "data:image/png;base64," + base64.b64encode(picture()).decode()
    body = {"pictures": [{"url": uri, "view": "back"}, {"url": uri, "view": "front"}], "name": "two"}
    job = house.call("POST", "/v1/jobs", json=body).json()
    assert [each["role"] for each in job["files"]] == ["input", "input"]
    claimed = queue.claim(house.database, "w")
    assert claimed
    assert [each["view"] for each in claimed.row["order"]["pictures"]] == ["front", "back"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"pictures": []}, "", "pictures or words"),
        ({"options": {"faces": 3}}, "options.faces", "give 100 or more"),
        ({"options": {"depth": "/etc/passwd"}}, "options.depth", "choose from"),
        ({"options": {"depth": "org/name"}}, "options.depth", "choose from"),
        ({"options": {"heigth_mm": 3}}, "options.heigth_mm", "is unknown; did you mean height_mm?"),
        ({"zzzzz": 3}, "zzzzz", "is unknown; there are pictures, words, options"),
        ({"options": {"formats": ["exe"]}}, "options.formats", "choose from"),
        ({"options": {"gates": "closed>>1"}}, "gates", "gates has"),
        ({"name": "../x"}, "name", "give letters, digits, spaces"),
        ({"pictures": [{"url": "data:image/png;base64,%%%"}]}, "", "data URI"),
        ({"pictures": [{"url": "data:text/html,hello"}]}, "", "no PNG"),
        ({"pictures": [{"url": "file:///etc/passwd"}]}, "", "must begin with"),
        ({"pictures": [{"url": "http://127.0.0.1/x.png"}]}, "", "private network"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    house: House, change: dict[str, object], field: str, words: str
) -> None:
    uri = "data:image/png;base64," + base64.b64encode(picture()).decode()
    answer = house.call("POST", "/v1/jobs", json={"pictures": [{"url": uri}], **change})
    problem = answer.json()
    assert answer.status_code == 422, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "BadInput"
    assert problem["field"] == field
    assert words in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert house.call("GET", "/v1/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"limit": 1000}, "limit is 1000; give 100 or less"),
        ({"limit": 0}, "limit is 0; give 1 or more"),
        ({"cursor": "zzz"}, "cursor 'zzz' is none of ours"),
    ],
)
def test_a_wrong_page_is_refused_in_a_sentence(house: House, words: dict[str, object], told: str) -> None:
    answer = house.call("GET", "/v1/jobs", params=words)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert answer.json()["field"] == next(iter(words))


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(house: House) -> None:
    head = bytearray(picture())
    head[16:24] = (50_000).to_bytes(4, "big") * 2
    answer = house.call("POST", "/v1/jobs/upload", files={"picture": ("big.png", bytes(head), "image/png")})
    assert answer.status_code == 422
    assert "big.png has 50000 x 50000 px" in answer.json()["detail"]


def test_the_same_key_makes_the_same_job_once(house: House) -> None:
    first = house.send(headers={"Idempotency-Key": "order-1"})
    again = house.send(headers={"Idempotency-Key": "order-1"})
    assert again["id"] == first["id"]
    assert len(house.call("GET", "/v1/jobs").json()["jobs"]) == 1
    other = house.call(
        "POST",
        "/v1/jobs/upload",
        files={"picture": ("knight.png", picture(80), "image/png")},
        headers={"Idempotency-Key": "order-1"},
    )
    assert (other.status_code, other.json()["code"]) == (422, "IdempotencyKeyReused")
    house.tenant("second")
    assert house.send(who="second", headers={"Idempotency-Key": "order-1"})["id"] != first["id"]


def test_the_list_is_read_page_by_page(house: House) -> None:
    made = [house.send(name=f"n{number}")["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = house.call("GET", "/v1/jobs", params={"limit": 2, "cursor": cursor}).json()
        seen += [each["id"] for each in page["jobs"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == made[::-1]
    assert house.call("GET", "/v1/jobs", params={"state": "running"}).json()["jobs"] == []


def test_a_list_asks_as_often_for_twenty_jobs_as_for_one(house: House) -> None:
    asked: list[str] = []
    sa.event.listen(house.database.engine, "before_cursor_execute", lambda *each: asked.append(each[2]))
    counts = []
    for _ in range(3):
        house.send()
        asked.clear()
        assert all(len(job["files"]) == 1 for job in house.call("GET", "/v1/jobs").json()["jobs"])
        # What is written does not count: once a minute a key notes that it is in use, and a slow machine reaches that.
        counts.append(sum(each.startswith("SELECT") for each in asked))
    assert counts[0] > 0
    assert len(set(counts)) == 1, counts


def test_cancel_and_delete(house: House) -> None:
    job = house.send()
    assert house.call("DELETE", f"/v1/jobs/{job['id']}").json()["code"] == "NotEnded"
    assert house.call("POST", f"/v1/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    assert house.call("POST", f"/v1/jobs/{job['id']}/cancel").status_code == 409
    other = house.send()
    house.work()
    assert len(list(house.store.stored())) > 1
    for id in (job["id"], other["id"]):
        assert house.call("DELETE", f"/v1/jobs/{id}").status_code == 204
        assert house.call("GET", f"/v1/jobs/{id}").status_code == 404
    assert list(house.store.stored()) == [], "no file outlives its job"


def test_a_batch_is_taken_whole_or_not_at_all(house: House) -> None:
    uri = "data:image/png;base64," + base64.b64encode(picture()).decode()
    one = {"pictures": [{"url": uri}], "options": {"depth": "dome", "report": False}}
    bad = {"jobs": [one, {"pictures": [{"url": "data:text/plain,no"}]}]}
    assert house.call("POST", "/v1/batches", json=bad).status_code == 422
    assert house.call("GET", "/v1/jobs").json()["jobs"] == []
    batch = house.call("POST", "/v1/batches", json={"jobs": [one, one, one]}).json()
    assert batch["states"] == {"queued": 3}
    house.work()
    assert house.call("GET", f"/v1/batches/{batch['id']}").json()["states"] == {"succeeded": 3}


def test_an_estimate_comes_from_own_measurements(house: House) -> None:
    ask = {"options": {"depth": "dome", "report": False}}
    before = house.call("POST", "/v1/estimates", json=ask).json()
    assert (before["seconds"], before["basis"]) == (None, "not measured yet")
    for _ in range(3):
        house.send()
    house.work()
    after = house.call("POST", "/v1/estimates", json=ask).json()
    assert after["seconds"] is not None
    assert "3 jobs" in after["basis"]
    fine = house.call("POST", "/v1/estimates", json={"options": {"depth": "dome", "detail": "fine"}}).json()
    assert fine["seconds"] is None


def test_an_error_holds_no_path_and_no_stack(house: House) -> None:
    broken = picture(400)[:300]
    house.call("POST", "/v1/jobs/upload", files={"picture": ("cut.png", broken, "image/png")})
    house.work()
    (job,) = house.call("GET", "/v1/jobs").json()["jobs"]
    assert job["state"] == "failed"
    assert job["error"]["code"] == "BadInput"
    assert job["error"]["message"].startswith("cut.png is damaged")
    assert str(house.settings.data) not in json.dumps(job)
    assert "Traceback" not in json.dumps(job)


def test_what_is_no_request_at_all_is_one_sentence_too(house: House) -> None:
    broken = house.call(
        "POST", "/v1/jobs", content=b'{"name": ', headers={"content-type": "application/json"}
    )
    assert broken.status_code == 422
    assert broken.json()["detail"].startswith("the body is no JSON: ")
    assert broken.json()["field"] == ""
    word = house.call("POST", "/v1/jobs/upload", data={"picture": "knight.png"})
    assert word.json()["detail"] == "picture must be a file; with curl: -F picture=@owl.png"
    assert "nothing at this address" in house.call("GET", "/v1/nothing").json()["detail"]
    assert "does not take PUT" in house.call("PUT", "/v1/jobs").json()["detail"]
