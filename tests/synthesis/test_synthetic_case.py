"""A synthetic case is a prepared case, with what its image was painted of."""

import numpy as np
import pytest

from ramify.data.case_store import check_case, prepare_store, write_case
from ramify.data.painted_windows import SHARES, TISSUES, WINDOW, check_can_be_painted
from ramify.phantoms.tissues import Tissue
from ramify.synthesis.settings import SynthesisCommand
from ramify.synthesis.synthetic_case import synthetic_case
from tests.synthesis.tiny import TINY


@pytest.fixture(scope="module")
def made():
    settings = SynthesisCommand.model_validate({"output": "cases", "anatomy": TINY})
    return synthetic_case("anatomy_00001", 1, settings.anatomy, settings.appearance, settings.preprocessing)


def test_tissues_lie_on_the_cropped_grid(made):
    arrays, record = made
    shape = tuple(record["shape"])
    assert arrays[TISSUES].shape == shape
    assert arrays[SHARES].shape == (2, *shape)
    organ, vessels = arrays["organ"] > 0, arrays["scales"] > 0
    assert np.isin(arrays[TISSUES][organ], [Tissue.FAT, Tissue.LIVER, 16, 17]).all()
    assert not (arrays[TISSUES][~organ] == Tissue.LIVER).any()
    assert (arrays[SHARES].max(axis=0)[vessels] > 0).mean() > 0.9
    assert record[WINDOW] == [-100.0, 300.0]


def test_it_is_read_back_as_any_case(made, tmp_path):
    arrays, record = made
    prepare_store(tmp_path, {})
    write_case(tmp_path, "anatomy_00001", arrays, record)
    case = check_case(tmp_path, "anatomy_00001")
    check_can_be_painted(case)
    assert case.known.n_scales == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"intensity": {"method": "z_score"}}, "expected one channel with intensity.method window"),
        ({"grid": {"size": [32, 32, 32]}}, "tissues are not resampled"),
        ({"grid": {"spacing_mm": [2.0, 2.0, 2.0]}}, "tissues are not resampled"),
    ],
)
def test_what_could_not_be_painted_again_is_refused(change, said):
    command = SynthesisCommand.model_validate({"output": "cases", "preprocessing": change})
    with pytest.raises(ValueError, match=said):
        command.check()
