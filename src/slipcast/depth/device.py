"""Where a depth model computes: the words for it, and what they mean on this machine."""

from slipcast.core.errors import BadInput

DEVICES = ("auto", "cpu", "cuda", "mps")


def check_device(wanted: str) -> None:
    """Raise BadInput for a word that is none of DEVICES."""
    if wanted not in DEVICES:
        raise BadInput(f"device '{wanted}' is unknown; choose one of {', '.join(DEVICES)}")


def device_of(wanted: str, automatic: tuple[str, ...] = ("cuda", "mps", "cpu")) -> str:
    """The device's name for torch; `auto` is the first of `automatic` that this machine has.

    Raises BadInput for an unknown word and where this machine has no such device.
    """
    import torch

    check_device(wanted)
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in automatic if has[name])
    if not has[wanted]:
        raise BadInput(f"device {wanted} is not available on this machine; use the device auto or cpu")
    return wanted
