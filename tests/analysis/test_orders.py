import numpy as np

from ramify.analysis.growth import Growth
from ramify.analysis.orders import generations, main_vessel_orders, strahler_orders


def grown(parents) -> Growth:
    """Trees by the parent of each branch, which comes before it."""
    count = len(parents)
    none = np.zeros(count, dtype=np.int64)
    return Growth(np.array(parents), none, none, np.arange(count), np.zeros(count), none[:0])


# 0 forks into 1 and 2; 1 into 3 and 4; 2 into 5 and 6; 5 goes on alone as 7; 8 is a tree by itself.
TREE = grown([-1, 0, 0, 1, 1, 2, 2, 5, -1])
STARTS = np.array([0, 1, 1, 2, 2, 3, 3, 4, 5])


def test_generations_count_forks_from_the_root():
    assert generations(TREE, STARTS).tolist() == [0, 1, 1, 2, 2, 2, 2, 2, 0]


def test_a_root_that_forks_at_once_has_no_trunk():
    assert generations(grown([-1, -1, 0]), np.array([0, 0, 1])).tolist() == [1, 1, 1]


def test_strahler_orders_rise_where_two_of_the_highest_meet():
    assert strahler_orders(TREE).tolist() == [3, 2, 2, 1, 1, 1, 1, 1, 1]
    # A side vessel of a lower order changes nothing, three of one order make one more.
    assert strahler_orders(grown([-1, 0, 0, 1, 1, 0, 5, 5])).tolist() == [3, 2, 1, 1, 1, 2, 1, 1]
    assert strahler_orders(grown([-1, 0, 0, 0])).tolist() == [2, 1, 1, 1]


def test_the_thickest_way_is_the_main_vessel():
    radii = np.array([4, 3, 2, 1, 2, 1.5, 1, 1.4, 1])
    assert main_vessel_orders(TREE, radii).tolist() == [1, 1, 2, 2, 1, 2, 3, 2, 1]
