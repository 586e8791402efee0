"""Which labels of an nnU-Net data set are vessels."""

import pytest

from ramify.nnunet.vessel_classes import vessel_classes


def test_labels_are_a_tree_each_and_their_value_is_their_channel():
    labels = {"background": 0, "portal": 1, "hepatic": [2], "ignore": 3}
    found = vessel_classes(labels, None, regions=False)
    assert found.channels == (1, 2)
    assert found.trees == ((1,), (2,))


def test_regions_have_the_channels_of_their_order_and_are_one_tree():
    labels = {"background": 0, "organ": (1, 2, 3), "vessel": (2, 3), "vein": 3, "ignore": 4}
    assert vessel_classes(labels, None, regions=True) == ((0, 1, 2), ((1, 2, 3),))
    assert vessel_classes(labels, ("vein", "vessel"), regions=True) == ((2, 1), ((2, 3),))


@pytest.mark.parametrize("name", ["vesel", "ignore", "background"])
def test_a_name_that_is_none_is_told_with_those_there_are(name):
    with pytest.raises(ValueError, match=f"vessels: the data set has no label '{name}'; it has liver, vessel"):
        vessel_classes({"background": 0, "liver": 1, "vessel": 2, "ignore": 3}, (name,), regions=False)
