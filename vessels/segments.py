"""How near two straight segments come to each other."""

import numpy as np

from ramify.compilation import compiled


@compiled()
def segment_distance(start: np.ndarray, way: np.ndarray, other_start: np.ndarray, other_way: np.ndarray) -> float:
    """Least distance between the segments from `start` to `start + way` and from the other start by its way.

    Args:
        start, way, other_start, other_way: float (ndim,), in one unit; a way may be 0.
    """
    ways, other_ways, both, first, other_first = 0.0, 0.0, 0.0, 0.0, 0.0
    for axis in range(start.size):
        apart = start[axis] - other_start[axis]
        ways += way[axis] * way[axis]
        other_ways += other_way[axis] * other_way[axis]
        both += way[axis] * other_way[axis]
        first += way[axis] * apart
        other_first += other_way[axis] * apart
    # Ericson, "Real-Time Collision Detection", 2005, section 5.1.9; parallel segments have many nearest points.
    along = 0.0
    across = ways * other_ways - both * both
    if across > 1e-9 * ways * other_ways:
        along = min(max((both * other_first - first * other_ways) / across, 0.0), 1.0)
    other_along = min(max((both * along + other_first) / other_ways, 0.0), 1.0) if other_ways > 0 else 0.0
    along = min(max((both * other_along - first) / ways, 0.0), 1.0) if ways > 0 else 0.0
    squared = 0.0
    for axis in range(start.size):
        apart = start[axis] + along * way[axis] - other_start[axis] - other_along * other_way[axis]
        squared += apart * apart
    return float(np.sqrt(squared))
