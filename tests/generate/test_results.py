"""A bought picture is decoded as every other; one default for the store's size."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from slipcast.cli.generate import generate
from slipcast.generate.results import Bought, GenerateOptions
from slipcast.generate.stock.cache import CacheOptions
from slipcast.picture.decode import read_picture


def test_a_bought_picture_of_16_bits_is_what_the_decoder_says() -> None:
    out = io.BytesIO()
    Image.fromarray(np.full((64, 48), 32_768, np.uint16)).save(out, "PNG")
    facts = {"view": "back", "prompt": "a fox"}
    picture = Bought(data=out.getvalue(), mime="image/png", facts=facts).picture()
    assert picture.pixels.tobytes() == read_picture(out.getvalue()).pixels.tobytes()
    assert abs(float(picture.pixels.mean()) - 127.5) < 1
    assert (picture.view.value, picture.source["prompt"]) == ("back", "a fox")


def test_the_store_has_one_size_by_default() -> None:
    option = next(option for option in generate.params if option.name == "store_size")
    assert (
        GenerateOptions().cache_bytes
        == CacheOptions(folder=Path("x")).most_bytes
        == int(float(str(option.default)) * 1e9)
    )
