"""The phantom data set behind the adapters' interface."""

import json

import numpy as np
import pytest

from ramify.data.adapters.form_settings import PhantomDatasetSettings
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.phantom import PhantomAdapter
from ramify.data.adapters.settings import DatasetSettings
from ramify.phantoms.phantom import grow_phantom
from ramify.phantoms.settings import PhantomSettings, TreeSettings

KIND = {"size": (16, 20, 24), "spacing_mm": (6.0, 5.0, 4.0), "trees": TreeSettings(terminals=4)}


def test_cases_are_numbered_and_seeded_one_after_another():
    adapter = PhantomAdapter(PhantomDatasetSettings(cases=3, first_seed=7, **KIND))
    assert adapter.case_ids() == ["phantom_000", "phantom_001", "phantom_002"]

    case = adapter.load("phantom_002")

    phantom = grow_phantom(PhantomSettings(**KIND), 9)
    assert case.case_id == case.patient_id == "phantom_002"
    assert case.image.array.tobytes() == phantom.image.tobytes()
    assert case.organ is not None
    assert (case.organ.array == phantom.organ).all()
    assert (case.vessels.array == phantom.vessels).all()
    assert set(case.structures) == set(phantom.structures)
    assert case.provenance["seed"] == 9


def test_world_positions_are_those_of_the_trees():
    case = PhantomAdapter(PhantomDatasetSettings(**KIND)).load("phantom_000")
    for volume in (case.image, case.organ, case.vessels, *case.structures.values()):
        assert volume is not None
        assert volume.spacing_mm == (6.0, 5.0, 4.0)
        assert volume.origin_mm == (3.0, 2.5, 2.0)
        assert np.array_equal(volume.direction, np.eye(3))


def test_provenance_is_plain_data_that_grows_the_case_again():
    case = PhantomAdapter(PhantomDatasetSettings(first_seed=4, **KIND)).load("phantom_000")
    record = json.loads(json.dumps(dict(case.provenance)))
    assert record["adapter"] == "phantom"
    again = grow_phantom(PhantomSettings.model_validate(record["settings"]), record["seed"])
    assert again.image.tobytes() == case.image.array.tobytes()


def test_plane():
    settings = PhantomDatasetSettings(size=(48, 48), spacing_mm=(4.0, 4.0), trees=TreeSettings(terminals=4))
    case = PhantomAdapter(settings).load("phantom_000")
    assert case.image.array.shape == (48, 48)
    assert case.image.origin_mm == (2.0, 2.0)


def test_many_cases_sort_as_they_count():
    ids = PhantomAdapter(PhantomDatasetSettings(cases=1001, **KIND)).case_ids()
    assert ids == sorted(ids)
    assert ids[-1] == "phantom_1000"


def test_open_dataset_needs_no_root():
    adapter = open_dataset(DatasetSettings(dataset="phantom", phantom=PhantomDatasetSettings(cases=2, **KIND)))
    assert adapter.case_ids() == ["phantom_000", "phantom_001"]


def test_unknown_case_names_the_near_one():
    with pytest.raises(ValueError, match="no case phantom_12; did you mean phantom_0"):
        PhantomAdapter(PhantomDatasetSettings(cases=2, **KIND)).load("phantom_12")
