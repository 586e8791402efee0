"""The rounds of the soft skeleton compiled for the CPU: a single sweep over the planes of a volume does a whole round.

A sweep keeps the few planes that it still needs in rings: plane z lies in slot z modulo the ring's length. Around each
lie two rows and columns that no extremum and no gradient comes from, and planes beyond the volume are filled with the
same, so that no kernel knows of borders. A 2D image is a volume of planes one voxel high.

Back through pooling, a voxel asks the three windows it is in: the one it opens gives it its gradient if the voxel is at
least as large as the two after it, the one it closes only if it is larger than the two before. So the first of equals
gets it all. Minima are maxima of the negated image.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ramify.compilation import compiled
from ramify.losses.soft_skeleton_rounds import HIGH, LOW

# Voxels that a thread must have, to be worth its while.
THREAD_VOXELS = 2**17
# Planes that a sweep back holds; the sweep forward needs fewer.
PLANES = 34
# Unsigned: a signed index may be negative, and that question keeps the compiler from vectorising.
ONE, TWO = np.uintp(1), np.uintp(2)

Array = np.ndarray


class CompiledRounds:
    """What `PlainRounds` is, for a single contiguous volume (1, *S) of float32 or float64 on the CPU.

    As many threads as PyTorch uses share a volume by slabs. No value depends on their number.
    """

    def __init__(self, volumes: Tensor) -> None:
        depth, *rows, width = volumes.shape[1:]
        self._shape = (depth, *(rows or [1]), width)
        self._has_rows = bool(rows)
        threads = max(1, min(torch.get_num_threads(), depth, volumes.numel() // THREAD_VOXELS))
        cuts = [depth * part // threads for part in range(threads + 1)]
        self._slabs = list(pairwise(cuts))
        planes = (PLANES, self._shape[1] + 4, self._shape[2] + 4)
        self._planes = [np.zeros(planes, self._array(volumes).dtype) for _ in self._slabs]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def forward(
        self,
        image: Tensor,
        product: Tensor,
        factor: tuple[float, float],
        eroded: Tensor,
        next_product: Tensor,
        unknown: Tensor | None = None,
    ) -> None:
        """Fill `eroded` and `next_product`, which may be `product` itself."""
        if next_product is not product:
            next_product.copy_(product)
        arrays = [self._array(volume) for volume in (image, eroded, next_product)]
        constant, slope = (arrays[0].dtype.type(number) for number in factor)
        hidden = self._hidden(unknown)
        self._share_out(lambda slab, planes: _sweep_forward(*arrays, hidden, constant, slope, *slab, planes))

    def backward(
        self,
        image: Tensor,
        eroded: Tensor,
        product: Tensor,
        slope: float,
        upstream: Tensor,
        gradient: Tensor,
        unknown: Tensor | None = None,
    ) -> Tensor:
        """Go back through a round; `gradient` itself becomes the derivative by the image."""
        arrays = [self._array(volume) for volume in (image, eroded, product, upstream, gradient)]
        # Slabs are overwritten while their neighbours still look over the edge.
        reach = 2 if len(self._slabs) > 1 else 0
        edges = {slab: [_edges(volume, *slab, reach) for volume in arrays[3:]] for slab in self._slabs}
        typed = arrays[0].dtype.type(slope)
        hidden, has_rows = self._hidden(unknown), self._has_rows
        self._share_out(lambda slab, planes: _sweep_back(*arrays, *edges[slab], hidden, typed, *slab, has_rows, planes))
        return gradient

    def _hidden(self, unknown: Tensor | None) -> Array:
        """Where nobody knows; without a plane if everything is known."""
        return np.zeros((0, 1, 1), bool) if unknown is None else self._array(unknown)

    def _array(self, volume: Tensor) -> Array:
        return volume.numpy().reshape(self._shape)

    def _share_out(self, sweep: Callable[[tuple[int, int], Array], None]) -> None:
        run = map if self._pool is None else self._pool.map
        for _ in run(sweep, self._slabs, self._planes):
            pass


def _edges(volume: Array, start: int, stop: int, reach: int) -> Array:
    """Copies of `reach` planes before and after a slab, (2, reach, H, W); those beyond the volume are 0."""
    edges = np.zeros((2, reach, *volume.shape[1:]), volume.dtype)
    before, after = volume[max(start - reach, 0) : start], volume[stop : stop + reach]
    edges[0, reach - len(before) :] = before
    edges[1, : len(after)] = after
    return edges


@compiled(nogil=True)
def _sweep_forward(  # type: ignore[no-untyped-def]
    image, eroded, product, unknown, constant, slope, start, stop, planes
):
    """Fill planes start … stop - 1 of `eroded`, and multiply those of `product` by constant + slope δ."""
    one, infinity = image.dtype.type(1), image.dtype.type(np.inf)
    images, boxes, minima, rows = planes[:4], planes[4:7], planes[7], planes[8]
    images[:] = infinity
    planes[4:9] = -infinity
    for z in range(start - 2, stop + 2):
        _load(image, z, one, infinity, images[z % 4])
        _hide(unknown, z, HIGH, images[z % 4])
        z -= 1
        if z >= start - 1:
            if 0 <= z < len(image):
                _erode(images[(z - 1) % 4], images[z % 4], images[(z + 1) % 4], minima)
                _hide(unknown, z, LOW, minima)
                _dilate_in_plane(minima, rows, boxes[z % 3])
                if start <= z < stop:
                    _store(minima, eroded[z])
            else:
                boxes[z % 3] = -infinity
        z -= 1
        if z >= start:
            _multiply(images[z % 4], boxes[(z - 1) % 3], boxes[z % 3], boxes[(z + 1) % 3], constant, slope, product[z])


@compiled(nogil=True)
def _sweep_back(  # type: ignore[no-untyped-def]
    image,
    eroded,
    product,
    upstream,
    gradient,
    upstream_edges,
    gradient_edges,
    unknown,
    slope,
    start,
    stop,
    has_rows,
    planes,
):
    """Take planes start … stop - 1 of `upstream` and `gradient` from after a round to before it."""
    zero, one, infinity = image.dtype.type(0), image.dtype.type(1), image.dtype.type(np.inf)
    images, boxes, minima, rows = planes[:7], planes[7:12], planes[12:15], planes[15:18]
    sent, along_depth, within = planes[18:21], planes[21:24], planes[24:26]
    to_boxes, to_rows, later, to_minima = planes[26], planes[27], planes[28], planes[29]
    along_rows, along_columns, from_rows, from_depth = planes[30], planes[31], planes[32], planes[33]
    planes[:18] = -infinity
    planes[18:] = zero
    for z in range(start - 4, stop + 4):
        _load(image, z, -one, -infinity, images[z % 7])
        _hide(unknown, z, -HIGH, images[z % 7])
        z -= 1
        _load(eroded, z, one, -infinity, minima[z % 3])
        _hide(unknown, z, LOW, minima[z % 3])
        if 0 <= z < len(image):
            _dilate_in_plane(minima[z % 3], rows[z % 3], boxes[z % 5])
        else:
            boxes[z % 5] = -infinity
        z -= 1
        if z >= start - 2 and 0 <= z < len(image):
            here = _plane(upstream, upstream_edges, z, start, stop)
            around = boxes[(z - 1) % 5], boxes[z % 5], boxes[(z + 1) % 5]
            _send(images[z % 7], *around, product[z], slope, here, sent[z % 3])
        else:
            sent[z % 3] = zero
        z -= 1
        if z >= start - 1 and 0 <= z < len(image):
            _return_along_depth(boxes, z, sent, to_boxes)
            _return_along_rows(rows[z % 3], to_boxes, to_rows)
            _load(_plane(gradient, gradient_edges, z, start, stop)[None], 0, one, zero, later)
            _return_along_columns(minima[z % 3], to_rows, later, to_minima)
            around = images[(z - 1) % 7], images[z % 7], images[(z + 1) % 7]
            _divide(*around, to_minima, has_rows, along_depth[z % 3], along_rows, along_columns)
            _return_along_rows(images[z % 7], along_rows, from_rows)
            _return_along_columns(images[z % 7], along_columns, from_rows, within[z % 2])
        else:
            along_depth[z % 3] = zero
        z -= 1
        if z >= start:
            _return_along_depth(images, z, along_depth, from_depth)
            _gather(within[z % 2], from_depth, sent[z % 3], gradient[z])


@compiled(nogil=True)
def _plane(volume, edges, z, start, stop):  # type: ignore[no-untyped-def]
    """Plane z of a slab start … stop - 1 or of the copies beside it."""
    if z < start:
        return edges[0, edges.shape[1] + z - start]
    return edges[1, z - stop] if z >= stop else volume[z]


@compiled(nogil=True)
def _load(volume, z, sign, outside, plane):  # type: ignore[no-untyped-def]
    if not 0 <= z < len(volume):
        plane[:] = outside
        return
    source = volume[z]
    height, width = np.uintp(plane.shape[0] - 2), np.uintp(plane.shape[1] - 2)
    for y in range(TWO, height):
        for x in range(TWO, width):
            plane[y, x] = sign * source[y - TWO, x - TWO]


@compiled(nogil=True)
def _hide(unknown, z, value, plane):  # type: ignore[no-untyped-def]
    """Put a value where nobody knows, if there are such voxels at all."""
    if not 0 <= z < len(unknown):
        return
    hidden, instead = unknown[z], plane.dtype.type(value)
    height, width = np.uintp(plane.shape[0] - 2), np.uintp(plane.shape[1] - 2)
    for y in range(TWO, height):
        for x in range(TWO, width):
            if hidden[y - TWO, x - TWO]:
                plane[y, x] = instead


@compiled(nogil=True)
def _store(plane, target):  # type: ignore[no-untyped-def]
    height, width = np.uintp(plane.shape[0] - 2), np.uintp(plane.shape[1] - 2)
    for y in range(TWO, height):
        for x in range(TWO, width):
            target[y - TWO, x - TWO] = plane[y, x]


@compiled(nogil=True)
def _erode(before, here, after, minima):  # type: ignore[no-untyped-def]
    """Minimum over the cross."""
    height, width = np.uintp(here.shape[0] - 2), np.uintp(here.shape[1] - 2)
    for y in range(TWO, height):
        for x in range(TWO, width):
            beside = min(min(here[y - ONE, x], here[y + ONE, x]), min(here[y, x - ONE], here[y, x + ONE]))
            minima[y, x] = min(min(min(before[y, x], after[y, x]), here[y, x]), beside)


@compiled(nogil=True)
def _dilate_in_plane(minima, rows, boxes):  # type: ignore[no-untyped-def]
    """Maximum along columns, then rows: what is left is that along depth."""
    height, width = np.uintp(minima.shape[0] - 2), np.uintp(minima.shape[1] - 2)
    for y in range(TWO, height):
        for x in range(TWO, width):
            rows[y, x] = max(max(minima[y, x - ONE], minima[y, x]), minima[y, x + ONE])
    for y in range(TWO, height):
        for x in range(TWO, width):
            boxes[y, x] = max(max(rows[y - ONE, x], rows[y, x]), rows[y + ONE, x])


@compiled(nogil=True)
def _multiply(image, before, here, after, constant, slope, product):  # type: ignore[no-untyped-def]
    """Multiply the product by constant + slope δ."""
    height, width = np.uintp(here.shape[0] - 2), np.uintp(here.shape[1] - 2)
    zero = here.dtype.type(0)
    for y in range(TWO, height):
        for x in range(TWO, width):
            residue = max(image[y, x] - max(max(before[y, x], here[y, x]), after[y, x]), zero)
            product[y - TWO, x - TWO] *= constant + slope * residue


@compiled(nogil=True)
def _send(negated, before, here, after, product, slope, upstream, sent):  # type: ignore[no-untyped-def]
    """What δ sends to the dilation, minus what it sends to the image; and `upstream` for the round before."""
    height, width = np.uintp(here.shape[0] - 2), np.uintp(here.shape[1] - 2)
    zero = here.dtype.type(0)
    for y in range(TWO, height):
        for x in range(TWO, width):
            excess = negated[y, x] + max(max(before[y, x], here[y, x]), after[y, x])
            arriving = upstream[y - TWO, x - TWO]
            sent[y, x] = -arriving * product[y - TWO, x - TWO] if excess < zero else zero
            upstream[y - TWO, x - TWO] = arriving - arriving * (slope * min(excess, zero))


@compiled(nogil=True)
def _divide(before, here, after, gradient, has_rows, along_depth, along_rows, along_columns):  # type: ignore[no-untyped-def]
    """The gradient of the erosion, divided between its axes.

    It is the lesser of the minimum along columns and that along the other two, which is again the lesser of two; equal
    ones take half each.
    """
    height, width = np.uintp(here.shape[0] - 2), np.uintp(here.shape[1] - 2)
    zero, half, never = here.dtype.type(0), here.dtype.type(0.5), here.dtype.type(-np.inf)
    for y in range(TWO, height):
        for x in range(TWO, width):
            own = here[y, x]
            of_depth = max(max(before[y, x], own), after[y, x])
            of_rows = max(max(here[y - ONE, x], own), here[y + ONE, x]) if has_rows else never
            of_columns = max(max(here[y, x - ONE], own), here[y, x + ONE])
            others = max(of_depth, of_rows)
            whole = gradient[y, x]
            columns = half * whole if of_columns == others else (whole if of_columns > others else zero)
            rest = whole - columns
            rows = half * rest if of_rows == of_depth else (rest if of_rows > of_depth else zero)
            along_columns[y, x] = columns
            along_rows[y, x] = rows
            along_depth[y, x] = rest - rows


@compiled(nogil=True)
def _return(two_before, before, own, after, two_after, from_before, from_own, from_after, zero):  # type: ignore[no-untyped-def]
    """What a value gets back from the maxima over the windows that it closes, is in the middle of, and opens."""
    closes = from_before if own > before else zero
    closes = closes if own > two_before else zero
    middle = from_own if own > before else zero
    middle = middle if own >= after else zero
    opens = from_after if own >= after else zero
    opens = opens if own >= two_after else zero
    return closes + middle + opens


@compiled(nogil=True)
def _return_along_depth(ring, z, gradients, returned):  # type: ignore[no-untyped-def]
    n = len(ring)
    a, b, c, d, e = ring[(z - 2) % n], ring[(z - 1) % n], ring[z % n], ring[(z + 1) % n], ring[(z + 2) % n]
    f, g, h = gradients[(z - 1) % 3], gradients[z % 3], gradients[(z + 1) % 3]
    height, width, zero = np.uintp(c.shape[0] - 2), np.uintp(c.shape[1] - 2), c.dtype.type(0)
    for y in range(TWO, height):
        for x in range(TWO, width):
            returned[y, x] = _return(a[y, x], b[y, x], c[y, x], d[y, x], e[y, x], f[y, x], g[y, x], h[y, x], zero)


@compiled(nogil=True)
def _return_along_rows(v, g, returned):  # type: ignore[no-untyped-def]
    height, width, zero = np.uintp(v.shape[0] - 2), np.uintp(v.shape[1] - 2), v.dtype.type(0)
    for y in range(TWO, height):
        for x in range(TWO, width):
            returned[y, x] = _return(
                v[y - TWO, x],
                v[y - ONE, x],
                v[y, x],
                v[y + ONE, x],
                v[y + TWO, x],
                g[y - ONE, x],
                g[y, x],
                g[y + ONE, x],
                zero,
            )


@compiled(nogil=True)
def _return_along_columns(v, g, base, returned):  # type: ignore[no-untyped-def]
    """With `base` added."""
    height, width, zero = np.uintp(v.shape[0] - 2), np.uintp(v.shape[1] - 2), v.dtype.type(0)
    for y in range(TWO, height):
        for x in range(TWO, width):
            returned[y, x] = base[y, x] + _return(
                v[y, x - TWO],
                v[y, x - ONE],
                v[y, x],
                v[y, x + ONE],
                v[y, x + TWO],
                g[y, x - ONE],
                g[y, x],
                g[y, x + ONE],
                zero,
            )


@compiled(nogil=True)
def _gather(within, from_depth, sent, gradient):  # type: ignore[no-untyped-def]
    """The derivative by the image: from the erosions of its own plane and of those beside, and directly from δ."""
    height, width = np.uintp(sent.shape[0] - 2), np.uintp(sent.shape[1] - 2)
    for y in range(TWO, height):
        for x in range(TWO, width):
            gradient[y - TWO, x - TWO] = within[y, x] + from_depth[y, x] - sent[y, x]
