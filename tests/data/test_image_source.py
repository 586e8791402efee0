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
    settings = {"channel": 1, "channels": [0, 1], "vessel_labels": [2], "organ_labels": [], "resample_masks": False}
    one = {"provenance": {"adapter": "nnunet", "settings": settings, "sources": []}}
    other = {"provenance": {"adapter": "nnunet", "settings": {**settings, "vessel_labels": [3]}}}
    assert ImageSource.of_records([one, one]) == ImageSource(
        form="nnunet", channel=1, channels=(0, 1), vessel_labels=(2,)
    )
    assert ImageSource.of_records([one, other]) == ImageSource(form="nnunet", channel=1, channels=(0, 1))
    more = {"provenance": {"adapter": "nnunet", "settings": {**settings, "channels": [1, 2]}}}
    assert ImageSource.of_records([one, more]).channels == (0, 1, 2)
    # Cases that were written without their provenance say nothing.
    assert ImageSource.of_records([one, {}]) == ImageSource(channels=(0, 1))
    assert ImageSource.of_records([{}]) == ImageSource.of_records([]) == ImageSource()
    source = ImageSource(form="pairs", colour="green", vessel_labels=("Portal vein",))
    assert ImageSource.model_validate(source.model_dump(mode="json")) == source
