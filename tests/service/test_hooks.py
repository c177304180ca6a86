"""Webhooks after Standard Webhooks, and what may be called at all."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from serving import House, make_house
from standardwebhooks import Webhook

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.pipeline.recipe import Recipe
from slipcast.service import fetch
from slipcast.service.database.tables import delivery
from slipcast.service.webhooks import PAUSES_S, send_due


class Receiver:
    """A server that keeps what it gets and answers what it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, format: str, *values: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/hook"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def local(tmp_path: Path, kitchen: list[Recipe]) -> Iterator[House]:
    """A service that may call this machine."""
    made = make_house(tmp_path / "data", allow_private_urls=True)
    yield made
    made.client.close()
    made.database.close()


def send(house: House) -> int:
    return send_due(house.database, house.metrics, allow_private=house.settings.allow_private_urls)


def due_now(house: House) -> None:
    with house.database.write() as connection:
        connection.execute(sa.update(delivery).values(next_at=0))


def test_a_message_is_signed_and_verifies(local: House, receiver: Receiver) -> None:
    hook = local.call("POST", "/v1/webhooks", json={"url": receiver.url}).json()
    job = local.send()
    local.work()
    assert send(local) == 1
    ((headers, body),) = receiver.got
    told = Webhook(hook["secret"]).verify(body, headers)
    assert told["type"] == "job.succeeded"
    assert told["data"]["id"] == job["id"]
    assert len(body) < 20_000
    assert send(local) == 0
    (row,) = local.call("GET", "/v1/deliveries").json()
    assert (row["state"], row["attempt"]) == ("delivered", 1)


def test_a_message_comes_again_with_the_same_id_and_is_dead_at_last(local: House, receiver: Receiver) -> None:
    local.call("POST", "/v1/webhooks", json={"url": receiver.url})
    local.send()
    local.work()
    receiver.status = 500
    for _ in range(len(PAUSES_S) + 1):
        assert send(local) == 1
        due_now(local)
    assert send(local) == 0
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    (dead,) = local.call("GET", "/v1/deliveries", params={"state": "dead"}).json()
    assert dead["last_error"] == "it answered 500"
    receiver.status = 200
    local.call("POST", f"/v1/deliveries/{dead['id']}/retry")
    assert send(local) == 1
    assert local.call("GET", "/v1/deliveries").json()[0]["state"] == "delivered"


def test_who_answers_gone_is_switched_off(local: House, receiver: Receiver) -> None:
    local.call("POST", "/v1/webhooks", json={"url": receiver.url})
    receiver.status = 410
    local.send()
    local.work()
    send(local)
    local.send()
    local.work()
    (dead,) = local.call("GET", "/v1/deliveries").json()
    assert dead["state"] == "dead"
    (hook,) = local.call("GET", "/v1/webhooks").json()
    assert hook["disabled_at"] is not None
    receiver.status = 204
    refused = local.call("POST", f"/v1/deliveries/{dead['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "WebhookDisabled")
    assert "/enable first" in refused.json()["detail"]
    on = local.call("POST", f"/v1/webhooks/{hook['id']}/enable", params={"resend": True}).json()
    assert (on["disabled_at"], on["resent"]) == (None, 1)
    assert "secret" not in on
    assert send(local) == 1
    assert local.call("GET", "/v1/deliveries").json()[0]["state"] == "delivered"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1, "the same message"


def test_what_waits_for_a_hook_that_is_gone_is_set_aside(local: House, receiver: Receiver) -> None:
    local.call("POST", "/v1/webhooks", json={"url": receiver.url})
    local.send()
    local.send()
    local.work()
    receiver.status = 410
    send(local)
    states = {each["last_error"]: each["state"] for each in local.call("GET", "/v1/deliveries").json()}
    assert states == {"it answered 410": "dead", "its webhook was switched off": "dead"}


def test_the_operator_switches_a_hook_on_again(
    local: House, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    id = local.call("POST", "/v1/webhooks", json={"url": receiver.url}).json()["id"]
    local.send()
    local.work()
    receiver.status = 410
    send(local)
    words = [
        "admin",
        "--data",
        str(local.settings.data),
        "--database",
        local.settings.database_url,
        "webhook",
    ]
    assert main([*words, "list", "--tenant", "first"]) == 0
    listed = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (listed["id"], listed["reason"]) == (id, "it answered 410")
    assert "secret" not in listed
    assert main([*words, "enable", id, "--resend"]) == 0
    assert "1 dead messages are sent again" in capfd.readouterr().out
    receiver.status = 204
    assert send(local) == 1
    assert main([*words, "enable", "hook_none"]) == 2
    assert "there is no webhook 'hook_none'" in capfd.readouterr().err


def test_two_senders_send_a_message_once(local: House, receiver: Receiver) -> None:
    local.call("POST", "/v1/webhooks", json={"url": receiver.url})
    for _ in range(6):
        local.send()
    local.work()
    threads = [threading.Thread(target=send, args=(local,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(ids) == len(set(ids)) == 6


def test_hooks_of_the_own_network_are_refused(house: House, receiver: Receiver) -> None:
    for url in (receiver.url, "http://example.com/", "https://10.0.0.1/", "https://[::1]/", "ftp://x/"):
        answer = house.call("POST", "/v1/webhooks", json={"url": url})
        assert answer.status_code == 422, url
    assert receiver.got == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("no address", False),
    ],
)
def test_private_addresses_are_seen_through_every_spelling(address: str, public: bool) -> None:
    assert fetch.is_public(address) is public


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", ("93.184.216.34", 80)), (0, 0, 0, "", ("127.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(BadInput, match="private network"):
        fetch.resolve("http://rebinding.test/", allow_private=False)


@pytest.mark.parametrize("url", ["http://user:pass@example.com/", "http://", "gopher://x/", "http://[", "x"])
def test_odd_urls_are_refused(url: str) -> None:
    with pytest.raises(BadInput):
        fetch.resolve(url, allow_private=True)


def test_a_redirect_is_not_followed_and_size_is_limited(receiver: Receiver, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            if self.path == "/large":
                self.wfile.write(b"x" * 5000)

        def log_message(self, format: str, *values: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    base = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        with pytest.raises(BadInput, match="answered 302"):
            fetch.download(f"{base}/away", max_bytes=100, allow_private=True)
        with pytest.raises(BadInput, match="more than"):
            fetch.download(f"{base}/large", max_bytes=100, allow_private=True)
        assert fetch.download(f"{base}/empty", max_bytes=100, allow_private=True) == b""
    finally:
        http.shutdown()
        http.server_close()


def test_a_dead_sender_s_message_comes_again(local: House, receiver: Receiver) -> None:
    local.call("POST", "/v1/webhooks", json={"url": receiver.url})
    local.send()
    local.work()
    with local.database.write() as connection:  # taken by a sender that died with it in hand
        connection.execute(sa.update(delivery).values(attempt=1, next_at=time.time() - 1))
    assert send(local) == 1
    assert json.loads(receiver.got[0][1])["type"] == "job.succeeded"
