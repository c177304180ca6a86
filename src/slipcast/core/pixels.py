"""Pixels of three channels, at which numpy is slow: its sums and maxima over a last axis of three take five to twelve
times as long as these, which say the same to the last digit; writing some pixels by a mask takes four times as long.
"""

from typing import TypeVar

import numpy as np

from slipcast.core.values import F32, I64, U8

_Channels = TypeVar("_Channels", U8, F32)


def dot_pixels(one: F32, other: F32) -> F32:
    """Return (H,W) products of (H,W,3) vectors.

    >>> dot_pixels(np.full((1, 1, 3), 2, np.float32), np.full((1, 1, 3), 3, np.float32)).tolist()
    [[18.0]]
    """
    import cv2

    return np.asarray(cv2.transform(cv2.multiply(one, other), np.ones((1, 3), np.float32)))


def largest_channel(pixels: _Channels) -> _Channels:
    """Return (H,W) the largest channel of (H,W,3) pixels.

    >>> largest_channel(np.array([[[3, 9, 4]]], np.uint8)).tolist()
    [[9]]
    """
    out: _Channels = np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    return out


def put_pixels(pixels: U8 | F32, at: I64, values: U8 | F32) -> None:
    """Write (N,C) `values` at the places (N,), row * W + column, of `pixels` (H,W,C), in place; each is moved as one.

    >>> picture = np.zeros((1, 2, 3), np.uint8)
    >>> put_pixels(picture, np.array([1]), np.array([[7, 8, 9]], np.uint8))
    >>> picture.tolist()
    [[[0, 0, 0], [7, 8, 9]]]
    """
    if not pixels.flags.c_contiguous:
        raise ValueError("pixels must lie in one piece, else a copy of them is written to")
    whole = np.dtype((np.void, pixels.itemsize * pixels.shape[-1]))
    pixels.reshape(-1, pixels.shape[-1]).view(whole)[at, 0] = np.ascontiguousarray(values, pixels.dtype).view(
        whole
    )[:, 0]
