"""Pictures as small PNG files, in bytes: a palette where a picture has few colours."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

MOST_COLOURS = 256


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """A picture, uint8 (h, w, 3) of red, green and blue, as PNG; without loss."""
    height, width, _ = picture.shape
    codes = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours, which = np.unique(codes, return_inverse=True)
    indexed = len(colours) <= MOST_COLOURS
    pixels = which.reshape(height, width).astype(np.uint8) if indexed else picture.reshape(height, -1)
    # Before each row stands how it was filtered; in pictures of flat regions no filter packs best.
    rows = np.pad(pixels, ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", width, height, 8, 3 if indexed else 2, 0, 0, 0)
    palette = b""
    if indexed:
        entries = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)
        palette = _chunk(b"PLTE", entries.tobytes())
    content = _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + palette + content + _chunk(b"IEND", b"")


def data_uri(png: bytes) -> str:
    """The picture as the address of itself, for a page that loads nothing."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
