"""The web page without a browser: sign in, CSRF, headers; and in Chromium, marked `clients`."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image
from serving import House, running

from slipcast.service import sessions
from slipcast.service.api.auth import COOKIE

ROOT = Path(__file__).parents[2]


def sign_in(house: House) -> None:
    answer = house.client.post("/login", data={"key": house.keys["first"]}, follow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_the_pages_are_for_who_signed_in(house: House) -> None:
    assert house.client.get("/app", follow_redirects=False).headers["location"] == "/login"
    assert house.client.post("/login", data={"key": "sk_no"}).status_code == 401
    sign_in(house)
    job = house.send(name="<b>owl</b>")
    house.work()
    for path in ("/app", f"/app/jobs/{job['id']}", "/app/usage"):
        page = house.client.get(path)
        assert page.status_code == 200, path
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<b>owl" not in page.text
        assert "style=" not in page.text
        assert "onclick" not in page.text
    assert house.client.get("/app/admin").status_code == 404, "not an admin"
    assert house.client.get("/app/jobs/job_0").status_code == 404


def test_a_session_ends_with_its_key(house: House) -> None:
    sign_in(house)
    id = house.call("GET", "/v1/keys").json()[0]["id"]
    assert house.client.get("/app").status_code == 200
    house.call("DELETE", f"/v1/keys/{id}")
    assert house.client.get("/app", follow_redirects=False).status_code == 303


def test_signing_out_ends_the_session_on_the_server(house: House) -> None:
    sign_in(house)
    cookie = {"Cookie": f"{COOKIE}={house.client.cookies[COOKIE]}"}
    house.client.cookies.clear()
    assert house.client.get("/v1/jobs", headers=cookie).status_code == 200
    foreign = house.client.post("/logout", headers=cookie | {"Origin": "https://evil.test"})
    assert foreign.status_code == 403
    home = {"Origin": "http://127.0.0.1"}
    assert house.client.post("/logout", headers=cookie | home, follow_redirects=False).status_code == 303
    assert house.client.get("/v1/jobs", headers=cookie).status_code == 401, "a copy of the cookie"
    assert house.client.get("/app", headers=cookie, follow_redirects=False).status_code == 303


def test_a_session_ends_with_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(house)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + house.settings.session_s + 1)
    assert house.client.get("/v1/jobs").status_code == 401
    with house.database.write() as connection:
        assert sessions.forget(connection) == 1


def test_pages_let_browsers_name_their_origin(house: House) -> None:
    """With no-referrer a browser says `Origin: null` of a form: over plain http nobody could sign in."""
    assert house.client.get("/login").headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://127.0.0.1"}, 200),
    ],
)
def test_a_foreign_page_cannot_act_for_the_user(house: House, headers: dict[str, str], status: int) -> None:
    sign_in(house)
    answer = house.client.post("/v1/estimates", json={}, headers=headers)
    assert answer.status_code == status


def test_tries_at_the_door_are_counted(house: House) -> None:
    codes = {house.client.post("/login", data={"key": "sk_no"}).status_code for _ in range(25)}
    assert codes == {401, 429}


@pytest.mark.clients
def test_the_page_works_in_chromium(tmp_path: Path) -> None:
    node = {**os.environ, "SLIPCAST_NODE": str(ROOT / ".clients" / "node")}
    picture = tmp_path / "front.png"
    with Image.open(ROOT / "samples" / "knight" / "front.png") as knight:
        knight.convert("RGB").resize((192, 192)).save(picture)
    with running(tmp_path / "data") as (url, key):
        done = subprocess.run(
            ["node", str(ROOT / "tests" / "clients" / "service.mjs"), url, key, str(picture)],
            capture_output=True,
            env=node,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    facts = json.loads(done.stdout)
    assert (facts["outside"], facts["problems"], facts["csp"]) == ([], [], [])
    assert facts["state"] == "succeeded"
    assert facts["viewer"] == "drawn"
    assert facts["after"] == "/login"
    assert set(facts["files"]) == {"front.glb", "front.json", "front.preview.png", "front.report.html"}
    assert "front.fbx" in facts["again"]
    for name in ("login", "home", "chosen", "done", "another", "usage", "admin", "phone", "dark"):
        page = facts[name]
        assert (page["lang"], page["headings"], page["wide"]) == ("en", 1, 0), name
        assert (page["nameless"], page["small"], page["twice"], page["empty"]) == ([], [], [], 0), name
    assert facts["dark"]["ground"] != facts["phone"]["ground"]
