"""Arrays in frozen values: their shape and type are checked, nobody writes to them, and a repr shows their size."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar

import numpy as np


def check_array(owner: object, name: str, shape: tuple[int | None, ...], dtype: type[np.generic]) -> None:
    """Check one array field's shape (None: any length) and type, and make it read-only.

    Raises ValueError that names the owner's class, the field, and what it is instead.
    """
    array = getattr(owner, name)
    fits = (
        isinstance(array, np.ndarray)
        and array.dtype == dtype
        and array.ndim == len(shape)
        and all(want is None or want == got for want, got in zip(shape, array.shape, strict=True))
    )
    if not fits:
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{type(owner).__name__}.{name} must be {np.dtype(dtype)} {shape}, got {got}")
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
        object.__setattr__(owner, name, array)


class ShowsSizes:
    """A dataclass whose repr shows the sizes of arrays and bytes instead of their contents."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __repr__(self) -> str:
        parts = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, np.ndarray):
                shown = f"{value.dtype}{list(value.shape)}"
            elif isinstance(value, bytes):
                shown = f"<{len(value)} bytes>"
            elif isinstance(value, Mapping):
                shown = f"<{len(value)} entries>"
            else:
                shown = repr(value)
            parts.append(f"{entry.name}={shown}")
        return f"{type(self).__name__}({', '.join(parts)})"
