"""The box of a page in which surfaces are rotated (report/viewer.js)."""

import math
from collections.abc import Mapping
from typing import Any

from ramify.report.markup import data, join, text, unscripted

# The viewer's ways to look: turned about the patient's long axis, then up or down.
_LOOKS = {"Front": (0.0, 0.0), "Left": (-math.pi / 2, 0.0), "Below": (0.0, -math.pi / 2), "Reset": (0.45, 0.2)}


def viewer(scene: Mapping[str, Any], below: str, instead: str) -> str:
    """The box.

    Args:
        scene: what it draws.
        below: HTML of what stands below it: what is shown in which colours.
        instead: where to look where no script runs, or there is no 3D, in a sentence.
    """
    looks = join(
        f'<button type="button" data-yaw="{yaw:.4f}" data-pitch="{pitch:.4f}">{name}</button>'
        for name, (yaw, pitch) in _LOOKS.items()
    )
    help_text = "Drag to rotate, pinch or click and scroll to zoom, shift and drag to move; arrow keys rotate."
    return (
        f'<div class="viewer"><canvas tabindex="0" role="img" aria-label="Surfaces of the vessels. {help_text}" '
        f'title="{help_text}"></canvas><div class="views">{looks}</div>'
        f'<div class="viewer-note" data-instead="{text(instead)}">'
        f"{unscripted(f'The 3D view needs JavaScript, which is off here. {instead}')}</div>"
        f'{below}<script type="application/json">{data(scene)}</script></div>'
    )
