"""One thread of BLAS while something runs, and what was before it afterwards."""

import numpy as np
import pytest

from slipcast.core import blas


def test_the_last_to_end_gives_the_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [4]
    monkeypatch.setattr(blas, "_functions", lambda: (lambda: said[-1], said.append))
    with blas.one_thread():
        with blas.one_thread():
            assert said == [4, 1]
        assert said == [4, 1]  # the first one still runs
    assert said == [4, 1, 4]


def test_an_error_gives_the_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [3]
    monkeypatch.setattr(blas, "_functions", lambda: (lambda: said[-1], said.append))
    with pytest.raises(ValueError, match="no"), blas.one_thread():
        raise ValueError("no")
    assert said == [3, 1, 3]


def test_another_blas_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_functions", lambda: None)
    with blas.one_thread():
        pass


def test_numpys_own_blas_has_one_thread_inside() -> None:
    name = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    if name != "scipy-openblas":
        pytest.skip(f"numpy comes with {name} here, not with the OpenBLAS of its wheels")
    found = blas._functions()
    assert found, "the OpenBLAS of numpy's wheels has other names now"
    get, put = found
    before = get()
    put(2)
    try:
        with blas.one_thread():
            assert get() == 1
        assert get() == 2
    finally:
        put(before)
