"""Convert pictures on a Ray cluster of a head and two worker nodes on this machine, and kill one node on the way.

    .clients/ray/bin/python tests/clients/ray_cluster.py OUT FEWEST WORD...

The words go to `slipcast convert`. Once OUT holds FEWEST assets a node is killed. Prints a JSON object.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster


def main() -> int:
    out, fewest, words = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    store = {"object_store_memory": 100_000_000}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **store}
    )
    # Each node is given 30 s by itself, which a busy machine takes.
    nodes = [cluster.add_node(wait=False, num_cpus=1, **store) for _ in range(2)]
    cluster.wait_for_nodes(timeout=180)
    os.environ["RAY_ADDRESS"] = cluster.address
    killed: list[int] = []

    def kill() -> None:
        while len(list(out.glob("*.glb"))) < fewest:
            time.sleep(0.05)
        killed.append(len(list(out.glob("*.glb"))))
        cluster.remove_node(nodes[0], allow_graceful=False)

    if fewest:
        threading.Thread(target=kill, daemon=True).start()
    from slipcast.cli.main import main as slipcast

    begun = time.monotonic()
    code = slipcast(["convert", *words, "--out", str(out)])
    sys.stdout.write(
        json.dumps({"code": code, "killed_at": killed, "seconds": time.monotonic() - begun}) + "\n"
    )
    cluster.shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main())
