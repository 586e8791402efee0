"""Weights that come with Ramify: weights/NAME.pt, called by NAME from any folder that has nothing of that name."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "weights"
"""In an installed copy as in a checkout, beside the rooms."""


def shipped_weights() -> dict[str, Path]:
    """The checkpoints that are shipped, by name, sorted."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.pt"))}


def shipped_or_missing(asked: Path) -> Path:
    """The shipped checkpoint of a name that is no file or folder.

    Raises:
        FileNotFoundError: none of that name; the line lists those that are shipped.
    """
    shipped = shipped_weights()
    if str(asked) in shipped:
        return shipped[str(asked)]
    names = f"; weights that come with Ramify: {', '.join(shipped)}" if shipped else ""
    raise FileNotFoundError(f"{asked}: no such checkpoint or run folder{names}")
