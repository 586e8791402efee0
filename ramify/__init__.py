"""Segmenting vascular trees at their scales.

Rooms are imported by name, as in `from ramify.losses import soft_cldice_loss`; `import ramify` alone loads nothing.
"""

from pathlib import Path as _Path

__version__ = "0.1.0"

# An installed copy has the rooms inside this folder, a checkout beside it, where `python train.py` finds them as well.
if not (_Path(__path__[0]) / "losses").is_dir():
    __path__.append(str(_Path(__path__[0]).parent))
