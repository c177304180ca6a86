"""An ONNX file -> a network that answers: the only place that opens onnxruntime sessions.

One session a file, kept by whoever asked for it. CUDA is used where onnxruntime was installed with it
(onnxruntime-gpu); otherwise the processor computes.

Threads, on two cores, both pictures of a mirrored pair as one batch, wall and processor seconds: the figurine network
0.077 and 0.053 with one thread, 0.054 and 0.061 with two; torch took 0.4 to 1.1 a picture. Threads that wait by
spinning double the processor time (0.105) on a machine that does other things as well, so they sleep. After each run
the arena gives its memory back: the cutout's network kept 270 MB for nothing, and takes 0.05 s of 0.5 more so.
Rejected: no memory arena (0.066, and the edge network's peak is 70 MB higher), memory patterns (the cutout's second
run keeps 200 MB more).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.values import F32

THREADS = "SLIPCAST_THREADS"
"""Environment variable: how many threads a network may use; worker processes set it to share the machine."""
_MOST_THREADS = 4
_CUDA = "CUDAExecutionProvider"


class Network:
    """A network that is loaded and ready."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._first = [session.get_outputs()[0].name]
        self.inputs: tuple[str, ...] = tuple(each.name for each in session.get_inputs())
        """Names of the inputs, in the file's order."""

    def run(self, **inputs: F32) -> F32:
        """Return the first output of the file for one batch: (N,...), as float32.

        Each input (N,...) bears the name that it has in the file (`inputs`) and the shape that the file states.
        """
        found = self._session.run(self._first, inputs, _give_back())[0]
        return np.asarray(found, np.float32)

    def side_px(self) -> int:
        """Return the last side of the first input, which networks for square pictures fix."""
        return int(self._session.get_inputs()[0].shape[-1])


@cache
def _give_back() -> Any:
    """Options of a run after which the arena's memory goes back to the system."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def open_network(file: Path, device: str = "auto") -> Network:
    """Open the network in `file` on `device` (`auto`, `cpu` or `cuda`).

    Raises BadInput when there is no CUDA for `cuda`, MissingWeights when the file cannot be read as a network.
    """
    import onnxruntime

    on_gpu = device != "cpu" and has_cuda()
    if device == "cuda" and not on_gpu:
        raise BadInput(
            "device cuda is not available to the bundled networks; "
            "install onnxruntime-gpu in place of onnxruntime, or use the device auto or cpu"
        )
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = count_threads()
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.enable_mem_pattern = False
    settings.add_session_config_entry("session.disable_prepacking", "1")  # as fast, 18 MB less
    settings.log_severity_level = 3
    providers = [_CUDA, "CPUExecutionProvider"] if on_gpu else ["CPUExecutionProvider"]
    try:
        return Network(onnxruntime.InferenceSession(str(file), settings, providers=providers))
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no common base but this
        reason = str(error).splitlines()[0][:200]
        raise MissingWeights(
            f"{file} cannot be read as a network: {reason}; install Slipcast again"
        ) from None


def has_cuda() -> bool:
    """Whether the installed onnxruntime can compute on a GPU of NVIDIA's that is in this machine."""
    import onnxruntime

    return _CUDA in onnxruntime.get_available_providers() and _gpu_is_there()


def _gpu_is_there() -> bool:
    """onnxruntime-gpu names its provider on machines without a GPU as well; the driver's device says the truth."""
    return os.name == "nt" or Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def count_threads() -> int:
    """Return how many threads a network uses: `SLIPCAST_THREADS` or else the cores of this process, four at most."""
    wanted = os.environ.get(THREADS, "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return min(count_cores(), _MOST_THREADS)


def count_cores() -> int:
    """Return the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1
