import base64
import io

import numpy as np
import pytest
from PIL import Image

from ramify.report.png import data_uri, encode_png


@pytest.mark.parametrize("colours", [1, 2, 256, 257, 3000])
def test_pictures_come_back_as_they_were(colours):
    rng = np.random.default_rng(colours)
    palette = rng.permutation(4999)[:colours] * 3353
    chosen = np.concatenate([np.arange(colours), rng.integers(0, colours, 97 * 51 - colours)])
    codes = palette[chosen].reshape(97, 51)
    picture = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)
    read = Image.open(io.BytesIO(encode_png(picture)))
    assert read.mode == ("P" if colours <= 256 else "RGB")
    np.testing.assert_array_equal(np.asarray(read.convert("RGB")), picture)


def test_a_picture_is_its_own_address():
    png = encode_png(np.zeros((2, 3, 3), np.uint8))
    head, _, body = data_uri(png).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == png
