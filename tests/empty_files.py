"""Files of which nothing but their names is looked at."""

from pathlib import Path


def touch(folder: Path, *names: str) -> Path:
    """The folder, made, with empty files of these names, which may lie in folders of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder
