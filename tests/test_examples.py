"""Every public function and class shows a short example, and the example runs."""

import doctest
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from ramify.data import DatasetSettings, open_dataset, prepare_store, write_case
from ramify.losses import AnchorSettings, LossSettings
from ramify.models import ModelSettings
from ramify.preprocessing import GridSettings, PreprocessingSettings, prepare_case
from ramify.training import RunSettings, TrainSettings, ValidationSettings, train_run
from tests.dicom_series import write_series
from tests.test_public_interface import LOADED, ROOMS, public

SHOWN_BY = {
    "comparison.Adjusted": "comparison.judge",
    "comparison.Comparison": "comparison.compare",
    "comparison.Difference": "comparison.compare",
    "comparison.Evidence": "comparison.weigh",
    "comparison.Interval": "comparison.bootstrap_interval",
    "comparison.Significance": "comparison.wilcoxon_test",
    "comparison.Verdict": "comparison.judge",
    "data.Augmentation": "data.draw_augmentation",
    "data.Case": "data.read_case",
    "metrics.Agreement": "metrics.junction_agreement",
    "metrics.CentrelineOverlap": "metrics.centreline_overlap",
    "metrics.GraphSize": "metrics.graph_size",
    "metrics.HausdorffDistances": "metrics.hausdorff_distances",
    "metrics.Overlap": "metrics.count_overlap",
    "metrics.TopCowCase": "metrics.score_topcow",
    "phantoms.Phantom": "phantoms.grow_phantom",
    "preprocessing.Grid": "preprocessing.plan_grid",
    "preprocessing.PreparedImage": "preprocessing.prepare_image",
    "report.CaseSlices": "report.cut_slices",
    "report.CaseView": "report.view_case",
    "report.Surface": "report.extract_surface",
    "training.Prediction": "training.Predictor",
    "vessels.BettiNumbers": "vessels.betti_numbers",
    "vessels.Branch": "vessels.decompose_scales",
    "vessels.ScaleDecomposition": "vessels.decompose_scales",
}
"""What a function returns, and the function whose example shows it."""


def callables() -> dict[str, Any]:
    """Public functions and classes by room and name; settings describe each field instead of being shown."""
    found = {f"{room}.{name}": value for room in LOADED for name, value in public(room).items()}
    return {
        name: value
        for name, value in found.items()
        if inspect.isfunction(value) or (inspect.isclass(value) and not issubclass(value, BaseModel))
    }


def examples_of(value: Any) -> list[doctest.Example]:
    """The examples in the docstring of a function or class."""
    return doctest.DocTestParser().get_examples(inspect.getdoc(value) or "")


CALLABLES = callables()
SHOWN = sorted(set(CALLABLES) - set(SHOWN_BY))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What examples of files find: `cases`, prepared phantoms; `run`, a training on them; `series`, DICOM slices."""
    root = tmp_path_factory.mktemp("examples")
    adapter = open_dataset(
        DatasetSettings.model_validate({"phantom": {"cases": 4, "size": (48, 48), "spacing_mm": (4.0, 4.0)}})
    )
    settings = PreprocessingSettings(grid=GridSettings(size=(32, 32)))
    prepare_store(root / "cases", {"preprocessing": settings.model_dump(mode="json")})
    for case_id in adapter.case_ids():
        write_case(root / "cases", case_id, *prepare_case(adapter.load(case_id), settings))
    train_run(
        RunSettings(
            cases=root / "cases",
            output=root / "run",
            fold_count=2,
            device="cpu",
            model=ModelSettings(levels=2, base_channels=2),
            loss=LossSettings(anchors=AnchorSettings(cap=32)),
            train=TrainSettings(epochs=1),
            validation=ValidationSettings(every=1),
        )
    )
    write_series(root / "series", np.zeros((3, 4, 5), np.int16))
    return {"cases": root / "cases", "run": root / "run", "series": root / "series"}


@pytest.mark.parametrize("name", SHOWN)
def test_the_example_runs(name, folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = examples_of(CALLABLES[name])
    assert any(example.want for example in examples), f"ramify.{name} has no example with a result"
    test = doctest.DocTest(examples, dict(folders), name, None, None, None)
    told: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.REPORT_NDIFF).run(test, out=told.append)
    assert not told, "".join(told)


def test_what_needs_no_example_of_its_own_is_the_result_of_what_has_one():
    assert set(SHOWN_BY) <= set(CALLABLES)
    assert set(SHOWN_BY.values()) <= set(SHOWN)


def test_a_wrong_result_is_seen():
    """The test of examples would otherwise pass whatever they say."""
    examples = doctest.DocTestParser().get_examples(">>> 1 + 1\n3\n")
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(doctest.DocTest(examples, {}, "wrong", None, None, None), out=told.append)
    assert told


@pytest.mark.parametrize("room", LOADED)
def test_examples_import_what_is_public(room):
    """An example that imports from a module teaches what may move."""
    public_modules = {f"ramify.{each}" for each in ROOMS}
    for name in SHOWN:
        if not name.startswith(f"{room}."):
            continue
        for example in examples_of(CALLABLES[name]):
            if example.source.startswith("from ramify"):
                module, names = example.source.split(" import ")
                assert module.split()[1] in public_modules, f"ramify.{name}: {example.source}"
                assert set(names.strip().split(", ")) <= set(import_module(module.split()[1]).__all__)
