"""The page on networks says what the code builds."""

from pathlib import Path

import pytest

from ramify.models import ContrastHeadSettings, ModelSettings
from ramify.models.network_choices import NETWORK_CHOICES
from ramify.models.table import HEAD, SHOWN, measure
from tests.asked import ASKED
from tests.models.networks import skip_without_extra

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")


def cells_of(row: str) -> list[str]:
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_its_head():
    assert HEAD in PAGE


@pytest.mark.parametrize(("network", "formulation"), [*((name, "binary") for name in SHOWN), ("resunet", "multi_task")])
def test_the_table_is_the_codes(network, formulation):
    skip_without_extra(network)
    cells = cells_of(network if formulation == "binary" else f"{network}, with three scales beside")
    for ndim, (levels, multiple, parameters) in zip((2, 3), (cells[1:4], cells[4:7])):
        if (network, ndim) == ("hrnet", 3):
            assert {levels, multiple, parameters} == {"–"}
            continue
        heads = ContrastHeadSettings(head="per_scale")
        size = measure(ModelSettings(network=network, tasks=ASKED[formulation], contrast=heads), ndim)
        assert levels == str(size.levels or "–")
        assert (int(multiple), int(parameters.replace(",", ""))) == (size.size_multiple, size.parameters)


def test_every_network_and_setting_is_named():
    for family, choices in NETWORK_CHOICES.items():
        assert f"`{family}" in PAGE
        assert all(f"`{setting}`" in PAGE for setting in choices.settings)
