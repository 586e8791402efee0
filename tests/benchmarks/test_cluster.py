"""What the figures on giving cases out are figures of."""

import re

import pytest

from benchmarks import cluster


def test_listing_is_of_so_many_cases():
    assert re.fullmatch(r"listing: 30 cases in \d+\.\d\d s", cluster.listing(30))


def test_tasks_wait_at_a_scheduler():
    pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
    assert re.fullmatch(r"waiting: 20 tasks in \d+ s, \d+ MB and -?\d+ more \(-?\d+ B each\)", cluster.waiting(20))
