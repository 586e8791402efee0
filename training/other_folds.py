"""The other folds of a run: what networks they have, which predict.py averages with this one's."""

import re
from collections.abc import Iterator

import yaml
from pydantic import ValidationError

from ramify.training.run_folder import FOLD_NAME, RunFolder, folder_of
from ramify.training.settings import RunSettings

_SHOWN = 3


def other_folds(settings: RunSettings) -> list[tuple[RunFolder, RunSettings]]:
    """Folders of the run's other folds, by number, each with the settings that its training began with.

    One whose config.yaml cannot be read, as of another version, is left out.
    """
    own = folder_of(settings).root.name
    folds = [path for path in settings.output.glob("fold_*") if FOLD_NAME.fullmatch(path.name) and path.name != own]
    folds.sort(key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)] or [-1])
    found = ((RunFolder(path), _settings_of(RunFolder(path))) for path in folds)
    return [(folder, its) for folder, its in found if its is not None]


def remarks_on_folds(settings: RunSettings) -> Iterator[str]:
    """A line where the network of another fold is another one."""
    now = _network(settings)
    for folder, its in other_folds(settings):
        before = _network(its)
        if different := [key for key in now if now[key] != before.get(key)]:
            told = "; ".join(f"{key} {before.get(key)} there, {now[key]} here" for key in different[:_SHOWN])
            yield (
                f"{folder.root.name} of this run has another network ({told}), and predict.py with the run's folder "
                "averages both; choose another --output where that is not meant"
            )
            return


def _network(settings: RunSettings) -> dict[str, object]:
    return {key: value for key, value in settings.decisive().items() if key.startswith("model.")}


def _settings_of(folder: RunFolder) -> RunSettings | None:
    try:
        text = (folder.root / "config.yaml").read_text(encoding="utf-8")
        return RunSettings.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError):
        return None
