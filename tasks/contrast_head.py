"""Which projection heads a network has, for its scales to be contrasted."""

from typing import Literal

ContrastHead = Literal["none", "per_scale", "shared"]
"""per_scale: one on the decoder of each scale (Sadikine et al. 2023, Eq. 6), where scales are tasks of their own.
shared: one for all scales, on features that every task shares."""
