"""The cheapest way to move one set of points onto another of the same size."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ramify.compilation import compiled

FloatArray = NDArray[np.float64]

# The first bids are this part of the greatest distance, and each round's are finer: powers of two, so that twice the
# distances give exactly twice the sum. Coarser first bids cost a round for nothing, finer ones long wars of prices.
_FIRST = 2.0**-6
_FINER = 8.0
# The last bids are this part of the greatest distance: the mean is the least one can have up to a billionth of it.
_FINEST = 2.0**-30


def mean_transport_mm(first: FloatArray, second: FloatArray) -> float:
    """Wasserstein-1 distance of two sets of N points of equal weight: the mean distance of the best one-to-one pairing.

    W1 = min over permutations π of (1 / N) Σ_i ‖a_i − b_π(i)‖, by Bertsekas' auction with ever smaller bids (Bertsekas
    1988, "The auction algorithm"), exact up to 1e-9 of the greatest distance between the two sets.

    Args:
        first, second: float (N, ndim), mm, N >= 1.

    Raises:
        ValueError: sets of different sizes, or without points.
    """
    if first.shape != second.shape or len(first) == 0:
        raise ValueError(f"points: expected two sets of one shape (N, ndim), N > 0, got {first.shape}, {second.shape}")
    distances = cdist(first, second)
    greatest = float(distances.max())
    if greatest == 0:
        return 0.0
    partner = _auction(distances, greatest * _FIRST, greatest * _FINEST)
    # Summed in order, the same pairs give the same number whoever found them first.
    return float(np.sort(distances[np.arange(len(first)), partner]).sum()) / len(first)


@compiled(nogil=True)
def _auction(costs: np.ndarray, first_bid: float, last_bid: float) -> np.ndarray:
    """Column of each row in an assignment of least cost, up to `last_bid` a row.

    A row bids for the column that is cheapest for it, cost and price together: it raises the price until the next best
    would do as well, and by the round's smallest bid more. Who is outbid bids again. Prices outlast a round.
    """
    n = costs.shape[0]
    prices = np.zeros(n)
    owner, column, waiting = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    bid = first_bid
    while True:
        owner[:] = -1
        waiting[:] = np.arange(n - 1, -1, -1)
        count = n
        while count:
            count -= 1
            row = waiting[count]
            cheapest, next_best, best = np.inf, np.inf, -1
            for j in range(n):
                cost = costs[row, j] + prices[j]
                if cost < next_best:
                    if cost < cheapest:
                        next_best, cheapest, best = cheapest, cost, j
                    else:
                        next_best = cost
            prices[best] += bid + (next_best - cheapest if n > 1 else 0.0)
            if owner[best] >= 0:
                waiting[count] = owner[best]
                count += 1
            owner[best], column[row] = row, best
        if bid <= last_bid:
            return column
        bid = max(bid / _FINER, last_bid)
