"""Settings on the pages are settings: every block of YAML is one that its command takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from ramify.command_line import parse
from ramify.data.adapters.settings import DatasetSettings
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.training.settings import RunSettings
from ramify.tuning.search_space import build_space
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, name_of, text_of

BLOCKS = [(page, block) for page in PAGES for block in blocks_of(text_of(page)) if block.language == "yaml"]
DEMO = ROOT / "configs" / "demo.yaml"


def training(file: Path) -> RunSettings:
    """The settings of a training by a file and the defaults."""
    return parse(RunSettings, "", ["--config", str(file), "--cases", "cases", "--output", "run"])


def test_blocks_are_found():
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{name_of(page)}:{block.line}" for page, block in BLOCKS])
def test_the_settings_are_taken(page: Path, block: Block, tmp_path: Path):
    content = yaml.safe_load(block.text)
    if "variants" in content:
        return  # An experiment's file: test_commands gives it to experiment.py.
    if all("." in key for key in content):
        build_space(content, training(DEMO), name_of(page))
        return
    if not {"classes", "dataset", "channels"}.isdisjoint(content):
        assert DatasetSettings.model_validate(content).dataset == content.get("dataset", "phantom")
        return
    if "preprocessing" in content:
        PreprocessingSettings.model_validate(content["preprocessing"])
        return
    # A line of a section stands for itself.
    sections = set(RunSettings.model_fields)
    asked = content if set(content) <= sections else {"loss": content}
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(asked), encoding="utf-8")
    taken = training(file)
    for section, values in asked.items():
        for key, value in values.items():
            found = getattr(getattr(taken, section), key)
            assert plain(found, value) == value


def plain(found: Any, like: Any) -> Any:
    """As much of what was taken as was asked for."""
    taken = found.model_dump(mode="json") if isinstance(found, BaseModel) else found
    return {key: taken[key] for key in like} if isinstance(like, dict) else taken
