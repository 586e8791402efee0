from pathlib import Path

import numpy as np
import pytest

from ramify.data.formats.channels import FileChannels, are_equal, channel_names
from ramify.data.volume import Volume

HERE = Path("eye.png")
COLOURS = np.array([[[100, 10]], [[0, 20]], [[0, 30]]], np.uint8)
GRID = Volume(COLOURS[0], (1.0, 1.0))


def coloured(array=COLOURS):
    plain = FileChannels.of_array(array, GRID)
    return FileChannels(plain.volumes, channel_names(len(array), colour=True), colour=True)


def test_channels_are_taken_by_name_or_number_in_the_files_type_and_the_asked_order():
    for wanted in ("blue", "red"), ("2", "RED"):
        taken = coloured().picked(wanted, HERE)
        assert list(taken) == ["blue", "red"]
        for name, number in (("blue", 2), ("red", 0)):
            assert np.array_equal(taken[name].array, COLOURS[number])
            assert taken[name].array.dtype == np.uint8
    assert list(coloured().picked(["all"], HERE)) == ["red", "green", "blue"]
    luminance = coloured().picked(["luminance"], HERE)["luminance"].array
    np.testing.assert_allclose(luminance, [[29.9, 18.15]], rtol=1e-6)


def test_colour_without_a_choice_is_refused():
    with pytest.raises(ValueError, match=r"eye\.png: 3 channels that differ .*--channels \(red, green, blue, lum"):
        coloured().only(HERE, choose=True)
    with pytest.raises(ValueError, match=r"3 channels that differ .* one mask is expected; save the one you mean"):
        coloured().only(HERE, "mask")
    assert FileChannels.of_volume(GRID).only(HERE) is GRID
    assert are_equal(np.repeat(COLOURS[:1], 3, axis=0))
    assert not are_equal(COLOURS)


@pytest.mark.parametrize("wanted", ["purple", "-1", "²", "3", ""])
def test_a_channel_that_is_not_there_is_refused(wanted):
    with pytest.raises(ValueError, match=rf"no channel {wanted!r}; choose with --channels \(red, green, blue, lumin"):
        coloured().picked([wanted], HERE)


def test_channels_without_colour():
    with pytest.raises(ValueError, match=r"no channel 'red'; choose with --channels \(channel_0, channel_1, all\)"):
        coloured(COLOURS[1:]).picked(["red"], HERE)
    with pytest.raises(ValueError, match="not in colour, where channel green is meant"):
        FileChannels.of_volume(GRID).picked(["green"], HERE)
    with pytest.raises(ValueError, match="--channels has green twice"):
        coloured().picked(["green", "1"], HERE)
