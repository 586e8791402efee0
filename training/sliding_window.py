"""A window that slides over an image: a network's answers blended with Gaussian weights, slab after slab.

Places, weights and sums are those of MONAI's `sliding_window_inference` with `mode="gaussian"`, to the last bit; but
only the slices that a window still reaches are in memory, and not four maps of the whole image.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import torch

Network = Callable[[torch.Tensor], torch.Tensor]
Place = tuple[int, ...]
Slices = Callable[[int, int], torch.Tensor]
"""Slices start … stop of an image along its first axis: (1, C, stop - start, *s), on the device of the network."""
_SIGMA = 0.125
"""Of the Gaussian, as a share of the window."""
_LEAST_WEIGHT = 1e-3


class NotFiniteError(ValueError):
    """The network's output is NaN or infinite somewhere; the line says in which part of the image."""


def window_places(size: Sequence[int], window: Sequence[int], overlap: float) -> list[Place]:
    """The first voxel of each window, in C order; windows reach the ends of every axis and no further.

    Args:
        size: of the image, at least that of the window.
        window: its voxels along each axis.
        overlap: share of a window that the next one covers again.

    Examples:
        >>> from ramify.training.sliding_window import window_places
        >>> window_places((10,), (4,), overlap=0.5)
        [(0,), (2,), (4,), (6,)]
    """
    along = []
    for length, extent in zip(size, window, strict=True):
        step = max(1, int(extent * (1 - overlap)))
        count = 1 + max(0, -(-(length - extent) // step))
        along.append([min(number * step, length - extent) for number in range(count)])
    return list(itertools.product(*along))


def gaussian_weights(window: Sequence[int], device: torch.device) -> torch.Tensor:
    """How much each voxel of a window counts, float32 (*window): most in its middle."""
    weights = torch.ones((), device=device)
    for extent in window:
        along = torch.arange(-(extent - 1) / 2.0, (extent - 1) / 2.0 + 1, dtype=torch.float, device=device)
        weights = weights.unsqueeze(-1) * torch.exp(along**2 / (-2 * (extent * _SIGMA) ** 2))
    return weights.clamp_(min=max(weights.min().item(), _LEAST_WEIGHT))


@torch.no_grad()
def slide(
    network: Network,
    slices: Slices,
    size: Sequence[int],
    window: Sequence[int],
    places: Sequence[Place],
    at_once: int,
    each: Callable[[int], object],
) -> Iterator[torch.Tensor]:
    """What a network says of an image, in slabs along the first axis from its beginning to its end.

    Args:
        network: maps (B, C, *window) to (B, K, *window).
        slices: of the image.
        size: of the image.
        window: voxels along each axis.
        places: of the windows, as `window_places` has them; a single one is all of the image.
        at_once: windows computed together.
        each: told how many more windows are done.

    Yields:
        float32 (1, K, n, *s), n slices each, on the network's device.

    Raises:
        NotFiniteError: the network's output is not finite.
    """
    if len(places) == 1:
        found = _answers(network, slices(0, size[0]), [f"over the whole volume {tuple(size)}"])
        each(1)
        yield found
        return
    batches = [places[start : start + at_once] for start in range(0, len(places), at_once)]
    # In C order the first axis moves last: from one batch to the next it only grows.
    height = max(batch[-1][0] + window[0] - batch[0][0] for batch in batches)
    image = slices(0, 0)
    weights = gaussian_weights(window, image.device)
    sums, counts = torch.zeros(0), torch.zeros((height, *size[1:]), device=image.device)
    first = stop = 0
    for batch in batches:
        if (begin := batch[0][0]) > first:
            # No window reaches these slices any more.
            yield sums[None, :, : begin - first] / counts[: begin - first]
            for one in (*sums, counts):
                _drop(one, begin - first, stop - first)
            image, first = image[:, :, begin - first :], begin
        if (end := batch[-1][0] + window[0]) > stop:
            image, stop = torch.cat((image, slices(stop, end)), dim=2), end
        inside = [
            (slice(None), *(slice(at, at + extent) for at, extent in zip((place[0] - first, *place[1:]), window)))
            for place in batch
        ]
        names = [f"in the window of voxels {_voxels(place, window)}" for place in batch]
        found = _answers(network, torch.stack([image[0][part] for part in inside]), names)
        if not len(sums):
            sums = torch.zeros((found.shape[1], height, *size[1:]), device=image.device)
        for part, own in zip(inside, found, strict=True):
            sums[part] += own * weights
            counts[part[1:]] += weights
        each(len(batch))
    yield sums[None, :, : stop - first] / counts[: stop - first]


def _answers(network: Network, windows: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
    """What a network says of some windows (B, K, *window), by whose names an answer that is not finite is told."""
    found = network(windows).float()
    finite = torch.isfinite(found).flatten(1).all(dim=1)
    if not finite.all():
        raise NotFiniteError(f"the network's output {names[int(torch.nonzero(~finite)[0])]} is not finite")
    return found


def _voxels(place: Place, window: Sequence[int]) -> str:
    return ", ".join(f"{at} to {at + extent - 1}" for at, extent in zip(place, window, strict=True))


def _drop(sums: torch.Tensor, done: int, filled: int) -> None:
    """Move what is not finished of the sums (height, *s) to their beginning."""
    left = filled - done
    sums[:left] = sums[done:filled].clone()
    sums[left:] = 0
