"""DICOM slices and files as the tests of this room need them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import dicom_series

WriteSeries = Callable[..., list[Path]]


@pytest.fixture
def write_series() -> WriteSeries:
    return dicom_series.write_series
