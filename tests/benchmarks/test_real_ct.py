"""A network and filters judged on one case, here an anatomy in place of a patient."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import real_ct
from ramify.data.case_store import prepare_store, write_case
from ramify.data.raw_case import RawCase
from ramify.data.volume import Volume
from ramify.phantoms.anatomy import grow_anatomy
from ramify.phantoms.anatomy_settings import AnatomySettings
from ramify.preprocessing.settings import GridSettings
from ramify.synthesis.settings import SynthesisCommand
from ramify.synthesis.synthetic_case import synthetic_case
from ramify.training.checkpoint import save_checkpoint
from tests.synthesis.tiny import TINY
from tests.tiny_checkpoints import untrained_state


@pytest.mark.integration
def test_all_methods_are_scored_and_drawn(tmp_path, capsys, monkeypatch):
    settings = SynthesisCommand.model_validate({"output": "cases", "anatomy": TINY})
    arrays, record = synthetic_case("anatomy_00000", 0, settings.anatomy, settings.appearance, settings.preprocessing)
    prepare_store(tmp_path / "cases", {})
    write_case(tmp_path / "cases", "anatomy_00000", arrays, record)
    grid = GridSettings(spacing_mm=(3.0, 3.0, 3.0))
    preprocessing = settings.preprocessing.model_copy(update={"grid": grid}).model_dump(mode="json")
    state = untrained_state((16, 16, 16)) | {"preprocessing": preprocessing}
    save_checkpoint(tmp_path / "network.pt", state)

    anatomy = grow_anatomy(AnatomySettings.model_validate(TINY), 5)
    vessels = anatomy.vessels["portalvein"] | anatomy.vessels["venoussystem"]
    hu = np.random.default_rng(0).normal(100, 5, vessels.shape) + 80.0 * vessels
    image = Volume(hu.astype(np.float32), anatomy.spacing_mm)
    raw = RawCase("patient", "patient", {"image": image}, image.with_array(anatomy.organ), image.with_array(vessels))
    monkeypatch.setattr(real_ct, "opened", lambda command: raw)
    words = ["--checkpoint", f"{tmp_path}/network.pt", "--cases", f"{tmp_path}/cases", "--root", f"{tmp_path}/nobody"]
    real_ct.main([*words, "--output", f"{tmp_path}/judged", "--thresholds", "0", "1"])
    told = capsys.readouterr().out
    rows = [line for line in told.splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].split(",")[0].strip() for row in rows[2:]] == [
        "network",
        "network",
        "network",
        "intensity threshold",
        "Frangi",
        "Jerman",
        "ceiling of the grid",
    ]
    # From 0 on that is the whole organ, from 1 on nothing.
    tsens = [row.split("|")[5].strip() for row in rows[3:5]]
    assert tsens == ["1.000", "0.000"]
    # The case lies on the network's own grid: nothing is lost.
    assert rows[-1].split("|")[2].strip() == "1.000"
    assert (tmp_path / "judged" / "errors.png").stat().st_size > 10_000


def test_pictures_of_a_patient_do_not_go_into_the_project():
    inside = Path(real_ct.__file__).parents[1] / "output" / "x"
    words = ["--checkpoint", "a", "--cases", "b", "--root", "c"]
    with pytest.raises(ValueError, match="lies in the project, which holds no patient"):
        real_ct.main([*words, "--output", str(inside)])
