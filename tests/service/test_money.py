"""Pictures that are bought: caps before the call, nothing booked twice, residency, refusals."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from serving import House, make_house
from standin import Standin

from slipcast.pipeline.recipe import Recipe
from slipcast.service import money
from slipcast.service.database.tables import delivery, ledger, webhook
from slipcast.service.jobs import queue
from slipcast.service.tenants import for_tenant, set_limits

ASK = {"words": {"subject": "a clockwork owl"}, "options": {"depth": "dome", "report": False}, "name": "owl"}


@pytest.fixture
def shop(
    tmp_path: Path, kitchen: list[Recipe], server: Standin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """A service that buys from the stand-in; its tenant may spend a dollar a day."""
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-the-test")
    made = make_house(tmp_path / "data", provider_url=server.url, vertex_project="studio")
    limit(made, day_micro=1_000_000, month_micro=2_000_000)
    yield made
    made.client.close()
    made.database.close()


def limit(house: House, **limits: object) -> None:
    with house.database.write() as connection:
        set_limits(connection, house.tenants["first"], **limits)


def booked(house: House) -> list[tuple[int, bool]]:
    with house.database.read() as connection:
        rows = connection.execute(sa.select(ledger.c.micro, ledger.c.sure).order_by(ledger.c.id)).all()
    return [(row.micro, row.sure) for row in rows]


def test_words_become_an_asset_and_the_money_is_booked(shop: House, server: Standin) -> None:
    job = shop.call("POST", "/v1/jobs", json={**ASK, "cost_center": "toys"}).json()
    assert job["kind"] == "make"
    assert shop.work() == 1
    done = shop.call("GET", f"/v1/jobs/{job['id']}").json()
    assert done["state"] == "succeeded", done["error"]
    assert "picture.front.png" in [each["name"] for each in done["files"]]
    assert len(server.calls) == 1
    ((micro, sure),) = booked(shop)
    assert micro > 0
    assert sure
    (row,) = [each for each in shop.call("GET", "/v1/usage").json() if each["what"].startswith("picture")]
    assert (row["count"], row["cost_center"], row["usd"]) == (1, "toys", micro / money.MICRO)
    assert shop.call("GET", "/v1/account").json()["used"]["usd_today"] == micro / money.MICRO
    assert "toys" in shop.call("GET", "/v1/usage", params={"format": "csv"}).text


def test_calls_tokens_and_cost_are_counted_call_by_call(shop: House, server: Standin) -> None:
    def count(name: str, **labels: str) -> float:
        metric = getattr(shop.metrics, name).labels("gemini", *labels.values())
        return float(metric._value.get())

    before = {kind: count("tokens", kind=kind) for kind in ("text_in", "image_out")}
    ok, failed, usd = (
        count("provider_calls", o="ok"),
        count("provider_calls", o="ProviderError"),
        count("cost"),
    )
    server.queue("503", "ok")
    shop.call("POST", "/v1/jobs", json=ASK)
    shop.work()
    assert count("provider_calls", o="ok") == ok + 1
    assert count("provider_calls", o="ProviderError") == failed + 1
    ((_, _), (micro, _)) = booked(shop)
    assert count("cost") - usd == pytest.approx(micro / money.MICRO, abs=1e-6)
    assert all(count("tokens", kind=kind) > number for kind, number in before.items())


def test_the_ai_origin_is_in_the_order_and_the_picture_is_given(shop: House) -> None:
    shop.call("POST", "/v1/jobs", json=ASK)
    shop.work()
    ((_, _, facts),) = shop.child.orders[0].pictures
    assert facts["ai_generated"] is True
    assert "SynthID" in str(facts["watermark"])
    assert "clockwork owl" in str(facts["prompt"])


def test_no_money_no_call(shop: House, server: Standin) -> None:
    limit(shop, day_micro=0)
    answer = shop.call("POST", "/v1/jobs", json=ASK)
    assert (answer.status_code, answer.json()["code"]) == (429, "QuotaExceeded")
    assert "cost limit of this day" in answer.json()["detail"]
    assert server.calls == []


def test_reservations_of_waiting_jobs_count(shop: House) -> None:
    usd = shop.call("POST", "/v1/estimates", json={"words": ASK["words"]}).json()["usd_at_most"]
    limit(shop, day_micro=int(usd * 1_000_000 * 2.5))
    codes = [shop.call("POST", "/v1/jobs", json=ASK).status_code for _ in range(3)]
    assert codes == [202, 202, 429]


def test_a_job_that_is_worked_on_again_buys_nothing_again(shop: House, server: Standin) -> None:
    shop.call("POST", "/v1/jobs", json=ASK)
    claimed = queue.claim(shop.database, "doomed")
    assert claimed
    from slipcast.service.worker.buy import buy_pictures

    scratch = shop.settings.data / "x"
    buy_pictures(
        claimed.row,
        settings=shop.settings,
        database=shop.database,
        store=shop.store,
        region="",
        scratch=scratch,
        metrics=shop.metrics,
    )
    assert queue.give_back_all(shop.database, "doomed", "it was killed") == 1
    assert shop.work() == 1
    assert len(server.calls) == 1, "the picture was paid for before the worker died"
    assert [sure for _, sure in booked(shop)] == [True]


def test_a_provider_with_faults_is_never_billed_twice(shop: House, server: Standin) -> None:
    chance = secrets.SystemRandom(7)
    for number in range(12):
        server.queue(*(["503"] if chance.random() < 0.3 else []), "ok")
        body = {**ASK, "words": {"subject": f"a clockwork owl, number {number} of its kind"}}
        assert shop.call("POST", "/v1/jobs", json=body).status_code == 202
        shop.work()
        server.queue()
    states = [each["state"] for each in shop.call("GET", "/v1/jobs").json()["jobs"]]
    assert states == ["succeeded"] * 12
    paid = [micro for micro, sure in booked(shop) if sure and micro]
    assert len(paid) == 12
    assert sum(micro for micro, sure in booked(shop) if not sure) == 0


def test_what_the_provider_declines_is_said_and_not_tried_again(shop: House, server: Standin) -> None:
    server.queue("image_safety")
    job = shop.call("POST", "/v1/jobs", json=ASK).json()
    shop.work()
    done = shop.call("GET", f"/v1/jobs/{job['id']}").json()
    assert (done["state"], done["error"]["code"], done["attempt"]) == ("failed", "PictureRefused", 1)


def test_blocked_words_and_the_operators_program(
    tmp_path: Path, kitchen: list[Recipe], server: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-the-test")
    rule = ("sh", "-c", 'grep -q \'"kind": "convert"\' && { echo not today; exit 1; } || exit 0')
    made = make_house(
        tmp_path / "data", provider_url=server.url, blocked_words=("clockwork",), moderation_command=rule
    )
    limit(made, day_micro=1_000_000, month_micro=1_000_000)
    refused = made.call("POST", "/v1/jobs", json=ASK)
    assert refused.status_code == 422
    job = made.send()
    made.work()
    done = made.call("GET", f"/v1/jobs/{job['id']}").json()
    assert done["error"]["code"] == "ContentRefused"
    assert "not today" in done["error"]["message"]
    assert made.call("POST", "/v1/jobs", json={**ASK, "words": {"subject": "a plain owl"}}).status_code == 202
    made.work()
    assert len(server.calls) == 1


def test_a_tenant_never_leaves_its_region(shop: House, server: Standin) -> None:
    limit(shop, region="europe-west4")
    for number in range(3):
        shop.call("POST", "/v1/jobs", json={**ASK, "words": {"subject": f"a clockwork owl {number}"}})
    assert shop.work() == 3
    errors = [each["error"] for each in shop.call("GET", "/v1/jobs").json()["jobs"]]
    assert errors == [None] * 3
    assert len(server.calls) == 3
    for call in server.calls:
        assert "/projects/studio/locations/europe-west4/" in call.path


def test_a_region_that_cannot_be_kept_is_refused(
    tmp_path: Path, kitchen: list[Recipe], server: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-the-test")
    made = make_house(tmp_path / "data", provider_url=server.url)
    limit(made, day_micro=1_000_000, month_micro=1_000_000, region="europe-west4")
    answer = made.call("POST", "/v1/jobs", json=ASK)
    assert answer.status_code == 422
    assert "europe-west4" in answer.json()["detail"]
    assert server.calls == []


def test_eighty_percent_are_told_once(shop: House) -> None:
    usd = shop.call("POST", "/v1/estimates", json={"words": ASK["words"]}).json()["usd_at_most"]
    limit(shop, day_micro=int(usd * 1_000_000 * 1.2), month_micro=10_000_000)
    with shop.database.write() as connection:
        row = {"id": "hook_1", "tenant_id": shop.tenants["first"], "url": "https://x.test/", "secret": "s"}
        connection.execute(sa.insert(webhook).values(created_at=0, **row))
    shop.call("POST", "/v1/jobs", json=ASK)
    shop.work()
    with shop.database.read() as connection:
        events = connection.scalars(sa.select(delivery.c.event).order_by(delivery.c.id)).all()
        scope = for_tenant(connection, shop.tenants["first"])
        assert money.reserved(scope) == 0
    assert list(events) == ["money.alert", "job.succeeded"]
