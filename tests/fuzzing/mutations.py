"""Damage done to valid files, from a seed: flipped bits, cut and spliced content, numbers driven to extremes."""

import random
import re
import struct

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
EXTREME_WORDS = (
    b"-3",
    b"0",
    b"-1",
    b"1",
    b"65536",
    b"2147483648",
    b"99999999999999999999",
    b"nan",
    b"inf",
    b"1e308",
    b"",
)
EXTREME_BYTES = tuple(
    struct.pack(form, value)
    for form, values in {
        "<b": (0, -1, 127, -128),
        "<h": (0, 1, -1, 32767, -32768),
        "<i": (0, 1, -1, 2147483647, -2147483648),
        "<q": (0, -1, 2**63 - 1, 2**40),
        "<f": (0.0, float("nan"), float("inf"), -float("inf"), 1e38, -1.0),
        "<d": (0.0, float("nan"), float("inf"), 1e308),
    }.items()
    for value in values
)
HEADER = 700
"""Where damage is done more often: what a file says of itself comes first."""


def mutate(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """The content with one to four kinds of damage; `other` is a second valid file to splice with."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = chance.choice(DAMAGE)(content, other, chance)
    return content


def _place(content: bytes, chance: random.Random) -> int:
    end = len(content)
    return chance.randrange(min(end, HEADER) if chance.random() < 0.7 else end) if end else 0


def flip_bits(content: bytes, other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 8)) if content else 0):
        changed[_place(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def drive_a_field_to_an_extreme(content: bytes, other: bytes, chance: random.Random) -> bytes:
    value = chance.choice(EXTREME_BYTES)
    value = value[::-1] if chance.random() < 0.2 else value
    place = _place(content, chance)
    place -= place % len(value) if chance.random() < 0.7 else 0
    return content[:place] + value + content[place + len(value) :]


def drive_a_word_to_an_extreme(content: bytes, other: bytes, chance: random.Random) -> bytes:
    numbers = [match.span() for match in NUMBER.finditer(content[: 4 * HEADER])]
    if not numbers:
        return flip_bits(content, other, chance)
    start, end = chance.choice(numbers)
    return content[:start] + chance.choice(EXTREME_WORDS) + content[end:]


def cut(content: bytes, other: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def leave_out(content: bytes, other: bytes, chance: random.Random) -> bytes:
    start = _place(content, chance)
    return content[:start] + content[start + chance.choice((1, 2, 4, 16, 200)) :]


def repeat(content: bytes, other: bytes, chance: random.Random) -> bytes:
    start = _place(content, chance)
    piece = content[start : start + chance.choice((1, 4, 12, 64, 500))]
    return content[:start] + piece * chance.choice((2, 2, 3, 50)) + content[start + len(piece) :]


def splice(content: bytes, other: bytes, chance: random.Random) -> bytes:
    return content[: _place(content, chance)] + other[_place(other, chance) :]


def put_in_noise(content: bytes, other: bytes, chance: random.Random) -> bytes:
    start = _place(content, chance)
    noise = chance.randbytes(chance.choice((1, 4, 32)))
    return content[:start] + noise + content[start + (len(noise) if chance.random() < 0.7 else 0) :]


DAMAGE = (
    flip_bits,
    flip_bits,
    drive_a_field_to_an_extreme,
    drive_a_field_to_an_extreme,
    drive_a_word_to_an_extreme,
    cut,
    leave_out,
    repeat,
    splice,
    put_in_noise,
)
