"""A result in a real notebook: nbclient runs the cell in a kernel of its own."""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from kitchen import small_knight

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
import nbformat
from nbclient import NotebookClient

cell = nbformat.v4.new_code_cell(sys.argv[1])
book = nbformat.v4.new_notebook(cells=[cell])
NotebookClient(book, timeout=300, kernel_name="python3").execute()
print(json.dumps([output.get("data", output) for output in book.cells[0].outputs]))
"""


def test_a_result_shows_itself_and_fetches_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "front.png"
    small_knight(64).save(picture)
    cell = f"import slipcast\nslipcast.convert({str(picture)!r}, depth='dome', detail='draft', faces=2000)"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "JUPYTER_DATA_DIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, cell],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (shown,) = [data for data in json.loads(done.stdout) if "text/html" in data]
    assert shown["text/plain"].startswith("Result(front: 75.0 mm tall, ")
    text = shown["text/html"]
    assert 'src="data:image/jpeg;base64,' in text
    page = unescape(text.split('srcdoc="')[1].split('"')[0])
    assert "<canvas" in page or "WebGLRenderer" in page
    assert not re.findall(r"""(?:src|href)=["']?https?://""", page)
