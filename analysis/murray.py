"""The exponent by which the radii of a fork obey Murray's law."""

from collections.abc import Sequence

from scipy.optimize import brentq

_LARGEST = 100.0


def murray_exponent(parent_mm: float, children_mm: Sequence[float]) -> float | None:
    """The g for which the parent's radius^g is the sum of the children's radii^g; 3 by Murray's law.

    Murray, "The physiological principle of minimum work", 1926.

    Args:
        parent_mm: radius of the vessel that forks.
        children_mm: radii of the vessels that it forks into.

    Returns:
        None for fewer than two children, and where none below 100 does: a child as thick as the parent.

    Examples:
        >>> from ramify.analysis import murray_exponent
        >>> murray_exponent(2.0, [2.0 * 0.5 ** (1 / 3)] * 2).__round__(6)
        3.0
    """
    ratios = [child / parent_mm for child in children_mm]
    if len(ratios) < 2:
        return None

    def excess(exponent: float) -> float:
        return float(sum(ratio**exponent for ratio in ratios)) - 1

    if max(ratios) >= 1 or excess(_LARGEST) > 0:
        return None
    return float(brentq(excess, 0.0, _LARGEST))
