"""Files that systems leave in every folder, and that are nobody's data."""

from pathlib import Path

_NAMES = {"thumbs.db", "desktop.ini", "dicomdir", "icon\r", "__macosx", "@eadir", "lost+found"}


def is_left_by_system(path: Path) -> bool:
    """Hidden (._CASE.nii.gz, .DS_Store) or put there by a file manager (Thumbs.db, desktop.ini): nobody's data."""
    return path.name.startswith(".") or path.name.lower() in _NAMES
