from pathlib import Path

import numpy as np
import pytest

from ramify.data.formats.colour import check_channel, grey, one_channel

HERE = Path("eye.png")
COLOURS = np.array([[[100, 0, 0], [10, 20, 30]]], np.uint8)


def test_a_channel_is_taken_by_name_or_number_in_the_files_type():
    for name, number in (("red", 0), ("green", 1), ("blue", 2)):
        taken = one_channel(COLOURS, name, HERE)
        assert np.array_equal(taken, COLOURS[..., number])
        assert taken.dtype == np.uint8
        assert np.array_equal(one_channel(COLOURS, str(number), HERE), taken)
    np.testing.assert_allclose(one_channel(COLOURS, "luminance", HERE), [[29.9, 18.15]], rtol=1e-6)


def test_colour_without_a_choice_is_refused_and_grey_needs_none():
    with pytest.raises(
        ValueError, match=r"eye\.png: 3 channels that differ .*--channel \(red, green, blue, luminance\)"
    ):
        one_channel(COLOURS, None, HERE)
    with pytest.raises(ValueError, match=r"eye\.png: in colour .* where a mask"):
        grey(COLOURS, HERE)
    same = np.repeat(COLOURS[..., :1], 3, axis=-1)
    for channel in (None, "green"):
        assert np.array_equal(one_channel(same, channel, HERE), COLOURS[..., 0])
    assert np.array_equal(grey(same, HERE), COLOURS[..., 0])


@pytest.mark.parametrize("channel", ["purple", "-1", "²", ""])
def test_what_is_no_channel_is_refused(channel):
    with pytest.raises(ValueError, match="expected a channel"):
        check_channel(channel)


def test_a_channel_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no channel 7 among its 3; choose --channel 0 to 2"):
        one_channel(COLOURS, "7", HERE)
    with pytest.raises(ValueError, match="no channel red among its 2"):
        one_channel(COLOURS[..., 1:], "red", HERE)
