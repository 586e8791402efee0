"""Settings of anatomies that are grown in a fraction of a second."""

from typing import Any

TINY: dict[str, Any] = {
    "spacing_mm": 3.0,
    "depth_mm": (84, 96),
    "height_mm": (96, 102),
    "width_mm": (108, 114),
    "portal_radius_mm": (4.0, 4.5),
    "hepatic_radius_mm": (3.0, 3.0),
    "terminals": (12, 16),
    "least_radius_mm": (0.7, 0.9),
    "bend_mm": (0.5, 1.0),
    "fissures": (2, 2),
    "fissure_mm": (6.0, 8.0),
    "lesions": (2, 2),
    "lesion_radius_mm": (6.0, 8.0),
    "drawn_from_mm": 1.2,
    "drawn_as_mm": 2.0,
    "drawn_margin_mm": 0.0,
}
