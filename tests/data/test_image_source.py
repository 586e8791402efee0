import pytest

from ramify.data.image_source import ImageSource, channel_ending, split_channel


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("c_0001", ("c", 1)),
        ("a_b_0000", ("a_b", 0)),
        ("c_001", ("c_001", None)),
        ("c_00001", ("c_00001", None)),
        ("c0001", ("c0001", None)),
        ("_0001", ("_0001", None)),
    ],
)
def test_channel_in_a_name(name, parts):
    assert split_channel(name) == parts
    if parts[1] is not None:
        assert parts[0] + channel_ending(parts[1]) == name


def test_what_all_records_say():
    settings = {
        "files": [1],
        "known_files": [0, 1],
        "channel_names": ["T2"],
        "vessel_labels": [2],
        "organ_labels": [],
        "resample_masks": False,
    }
    one = {"provenance": {"adapter": "nnunet", "settings": settings, "sources": []}}
    other = {"provenance": {"adapter": "nnunet", "settings": {**settings, "vessel_labels": [3]}}}
    assert ImageSource.of_records([one, one]) == ImageSource(
        form="nnunet", files=(1,), known_files=(0, 1), channel_names=("T2",), vessel_labels=(2,)
    )
    assert ImageSource.of_records([one, other]) == ImageSource(
        form="nnunet", files=(1,), known_files=(0, 1), channel_names=("T2",)
    )
    more = {"provenance": {"adapter": "nnunet", "settings": {**settings, "known_files": [1, 2]}}}
    assert ImageSource.of_records([one, more]).known_files == (0, 1, 2)
    # Cases that were written without their provenance say nothing.
    assert ImageSource.of_records([one, {}]) == ImageSource(known_files=(0, 1))
    assert ImageSource.of_records([{}]) == ImageSource.of_records([]) == ImageSource()
    source = ImageSource(form="pairs", picked=("green",), vessel_labels=("Portal vein",))
    assert ImageSource.model_validate(source.model_dump(mode="json")) == source
