"""`python -m slipcast.service.worker`: a worker that `serve` started; its settings come by stdin, which stays open.

When stdin ends, whoever started it is gone: the job in hand is finished, then the worker ends.
"""

import json
import os
import signal
import sys
import threading

from slipcast.service.database.engine import Database
from slipcast.service.logs import set_up
from slipcast.service.metrics import Metrics, prepare_folder
from slipcast.service.settings import Settings
from slipcast.service.store import Store
from slipcast.service.tracing import set_up_tracing
from slipcast.service.worker.worker import Worker


def run_worker(settings: Settings, id: str, *, parent: bool) -> int:
    """Work until a signal; with `parent` also until stdin ends."""
    set_up(settings.log_level)
    prepare_folder(settings.metrics_folder, clean=False)
    set_up_tracing(settings.trace_exporter, "slipcast-worker")
    database = Database(settings.database_url)
    worker = Worker(settings, database, Store(settings.store_url), Metrics(), id=id)

    def stop(number: int, frame: object) -> None:
        worker.drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if parent:
        threading.Thread(target=_follow, args=(worker,), daemon=True).start()
    worker.run()
    database.close()
    return 0


def _follow(worker: Worker) -> None:
    while os.read(0, 1024):
        pass
    worker.drain()


def _main() -> int:
    said = b""
    while not said.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            return 1
        said += part
    order = json.loads(said)
    return run_worker(Settings(**order["settings"]), order["id"], parent=True)


if __name__ == "__main__":
    sys.exit(_main())
