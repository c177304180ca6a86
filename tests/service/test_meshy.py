"""The Meshy-shaped front: its own words, and a public client with one changed address (mesh-toolkit)."""

import base64
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import mesh_toolkit.base
import pytest
import uvicorn
from mesh_toolkit import text3d
from serving import House, make_house, picture
from standin import Standin

from slipcast.pipeline.recipe import Recipe
from slipcast.service.tenants import set_limits

URI = "data:image/png;base64," + base64.b64encode(picture()).decode()


def test_a_task_in_meshy_s_words(house: House) -> None:
    made = house.call(
        "POST",
        "/openapi/v1/image-to-3d",
        json={"image_url": URI, "target_formats": ["glb", "stl"], "ai_model": "x", "enable_pbr": True},
    )
    assert made.status_code == 202
    id = made.json()["result"]
    assert made.json()["warnings"] == ["ai_model is ignored", "enable_pbr is ignored"]
    task = house.call("GET", f"/openapi/v1/image-to-3d/{id}").json()
    assert (task["status"], task["progress"], task["model_urls"]) == ("PENDING", 0, {})
    house.work()
    task = house.call("GET", f"/openapi/v1/image-to-3d/{id}").json()
    assert task["status"] == "SUCCEEDED"
    assert task["created_at"] > 1_700_000_000_000
    assert set(task["model_urls"]) == {"glb", "stl"}
    assert house.client.get(task["model_urls"]["glb"]).content == b"glb of model"
    assert [each["id"] for each in house.call("GET", "/openapi/v1/image-to-3d").json()] == [id]
    stream = house.call("GET", f"/openapi/v1/image-to-3d/{id}/stream").text
    assert '"status": "SUCCEEDED"' in stream
    assert house.call("DELETE", f"/openapi/v1/image-to-3d/{id}").status_code == 204
    gone = house.call("GET", f"/openapi/v1/image-to-3d/{id}")
    assert (gone.status_code, list(gone.json())) == (404, ["message"])


def test_several_pictures_are_taken_as_sides(house: House) -> None:
    made = house.call("POST", "/openapi/v1/multi-image-to-3d", json={"image_urls": [URI, URI, URI]}).json()
    assert made["warnings"][:3] == [
        "picture 1 is taken as the front",
        "picture 2 is taken as the left",
        "picture 3 is taken as the back",
    ]


def test_errors_are_a_message(house: House) -> None:
    for path, body in (
        ("image-to-3d", {}),
        ("image-to-3d", {"image_url": "data:image/png;base64,AAAA"}),
        ("convert", {"input_task_id": "job_0", "target_formats": ["glb"]}),
        ("convert", {"input_task_id": "job_0", "target_formats": ["blend"]}),
        ("resize", {"input_task_id": "x", "resize_height": 1, "auto_size": True}),
    ):
        answer = house.call("POST", f"/openapi/v1/{path}", json=body)
        assert answer.status_code in (404, 422), path
        assert list(answer.json()) == ["message"]
    assert house.call("GET", "/openapi/v1/balance").json() == {"balance": 0}


@pytest.fixture
def address(
    tmp_path: Path, kitchen: list[Recipe], server: Standin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[House, str]]:
    """A service on a socket, with a worker."""
    monkeypatch.setenv("GEMINI_API_KEY", "key-of-the-test")
    house = make_house(tmp_path / "data", provider_url=server.url)
    with house.database.write() as connection:
        set_limits(connection, house.tenants["first"], day_micro=1_000_000, month_micro=1_000_000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(house.client.app, log_config=None, timeout_graceful_shutdown=2)
        web = uvicorn.Server(config)
        threads = [threading.Thread(target=web.run, args=([listener],))]
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.05):
                house.work()

        threads.append(threading.Thread(target=work))
        for thread in threads:
            thread.start()
        while not web.started:
            time.sleep(0.01)
        yield house, f"http://127.0.0.1:{port}"
        web.should_exit = True
        ended.set()
        for thread in threads:
            thread.join(20)


def test_a_public_client_works_with_its_address_changed(
    address: tuple[House, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house, url = address
    monkeypatch.setattr(mesh_toolkit.base, "BASE_URL", url)
    monkeypatch.setattr(mesh_toolkit.base, "_api_key", house.keys["first"])
    id = text3d.generate("a clockwork owl", target_polycount=5000, wait=False)
    assert isinstance(id, str)
    result = text3d.poll(id, interval=0.1, timeout=30)
    assert result.model_urls
    assert result.model_urls.glb
    size = mesh_toolkit.base.download(result.model_urls.glb, str(tmp_path / "owl.glb"))
    assert (tmp_path / "owl.glb").read_bytes() == b"glb of model"
    assert size == len(b"glb of model")
    assert text3d.refine(id) == id
    mesh_toolkit.base.close()
    with pytest.raises(mesh_toolkit.base.MeshyAPIError):
        text3d.get("job_0")
    mesh_toolkit.base.close()
