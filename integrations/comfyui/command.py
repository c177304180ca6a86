"""The `slipcast` command in a process of its own, with ComfyUI's progress bar and Cancel button.

In ComfyUI's own process a run could not be stopped between stages, and its memory would stay.
"""

import json
import os
import queue
import subprocess
import sys
import threading

import comfy.model_management
import comfy.utils

_MAIN = "import sys; from slipcast.cli.main import main; sys.exit(main())"


def run(words: list[str]) -> list[dict]:
    """Run `slipcast WORDS...` and return the JSON list that it prints.

    Raises RuntimeError with the command's own sentence when nothing came of it, and what ComfyUI raises on Cancel.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "SLIPCAST_PROGRESS": "json"},
    )
    heard: queue.SimpleQueue = queue.SimpleQueue()
    threads = [
        threading.Thread(target=_listen, args=(name, stream, heard), daemon=True)
        for name, stream in (("out", process.stdout), ("err", process.stderr))
    ]
    for thread in threads:
        thread.start()
    bar, out, said = comfy.utils.ProgressBar(100), [], []
    try:
        while any(thread.is_alive() for thread in threads) or not heard.empty():
            comfy.model_management.throw_exception_if_processing_interrupted()
            try:
                name, line = heard.get(timeout=0.1)
            except queue.Empty:
                continue
            if name == "out":
                out.append(line)
            elif line.startswith('{"stage"'):
                event = json.loads(line)
                bar.update_absolute(round(100 * event["done"] / max(event["of"], 1)), 100)
            elif line.strip():
                said.append(line.removeprefix("slipcast: "))
        code = process.wait()
    finally:
        if process.poll() is None:  # cancelled: the command leaves nothing half-written
            process.terminate()
            process.wait()
    bar.update_absolute(100, 100)
    return _entries("\n".join(out), said, code)


def _listen(name: str, stream, heard: queue.SimpleQueue) -> None:
    with stream:
        for line in stream:
            heard.put((name, line.rstrip("\n")))


def _entries(text: str, said: list[str], code: int) -> list[dict]:
    if any("No module named 'slipcast'" in line for line in said):
        raise RuntimeError(
            "Slipcast is not here; with ComfyUI's Python run pip install FOLDER, a copy of Slipcast"
        )
    try:
        found = json.loads(text)
    except ValueError:
        raise RuntimeError(said[-1] if said else f"slipcast ended with {code} and said nothing") from None
    entries = found if isinstance(found, list) else [found]
    for entry in entries:
        if entry.get("error") and not entry.get("files"):
            raise RuntimeError(entry["error"]["message"])
    return entries
