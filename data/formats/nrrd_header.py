"""The header of an NRRD file, read strictly: what it does not say plainly is refused before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LONGEST_LINE, _LONGEST_HEADER = 1 << 20, 1 << 23
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_NUMPY = {name: code for code, names in _TYPES.items() for name in names}
_ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_ENCODINGS |= dict.fromkeys(("ascii", "text", "txt"), "ascii")
_MOST_AXES = 16


@dataclass(frozen=True)
class NrrdHeader:
    """A header's fields (names in lower case) and key/value pairs, and where in the file the header ends."""

    path: Path
    fields: Mapping[str, str]
    pairs: Mapping[str, str]
    end: int

    def shape(self) -> tuple[int, ...]:
        """Sizes in array order: the slowest axis first."""
        count = self.whole_number("dimension")
        sizes = self.words("sizes", count)
        if not 1 <= count <= _MOST_AXES or not all(size.isdigit() and int(size) > 0 for size in sizes):
            raise self.error("sizes", f"{count} whole numbers > 0")
        return tuple(int(size) for size in sizes[::-1])

    def dtype(self) -> str:
        """The type of its numbers as numpy writes it, with the byte order."""
        code = _NUMPY.get(self.fields.get("type", "").lower())
        if code is None:
            raise self.error("type", "a type of numbers such as uint8, short, float")
        if code[1] == "1" or self.encoding() == "ascii":
            return code
        order = {"little": "<", "big": ">"}.get(self.fields.get("endian", "").lower())
        if order is None:
            raise self.error("endian", "little or big")
        return order + code

    def encoding(self) -> str:
        """raw, gzip, bzip2 or ascii."""
        given = _ENCODINGS.get(self.fields.get("encoding", "").lower())
        if given is None:
            raise self.error("encoding", "raw, gzip, bzip2 or ascii")
        return given

    def words(self, field: str, count: int | None = None) -> list[str]:
        """A field's words; vectors such as (1, 0, 0) are one. Raises ValueError unless there are `count`."""
        words = self.fields.get(field, "").replace(", ", ",").split()
        if count is not None and len(words) != count:
            raise self.error(field, f"{count} entries")
        return words

    def whole_number(self, field: str, default: str = "") -> int:
        text = self.fields.get(field, default)
        try:
            return int(text)
        except ValueError:
            raise self.error(field, "a whole number") from None

    def error(self, field: str, expected: str) -> ValueError:
        got = self.fields.get(field)
        return ValueError(
            f"{self.path}: expected {expected} for {field!r} in its NRRD header, "
            f"got {'nothing' if got is None else repr(got[:60])}; write it again"
        )


def read_header(path: Path, stream: BinaryIO) -> NrrdHeader:
    """Read a header from the start of a stream; raises ValueError that names the file where it is none."""
    if not (magic := stream.readline(16)).startswith(b"NRRD000"):
        got = repr(magic[:8].decode("latin-1"))
        raise ValueError(f"{path}: damaged or not a .nrrd file (it begins with {got}); get it again")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    while line := stream.readline(_LONGEST_LINE):
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if stream.tell() > _LONGEST_HEADER or not line.endswith(b"\n"):
            break
        if not text:
            return NrrdHeader(path, fields, pairs, stream.tell())
        if text.startswith("#"):
            continue
        key, colon, value = text.partition(":")
        if not colon:
            raise ValueError(
                f"{path}: {text[:60]!r} in its NRRD header is neither a field nor a comment; write it again"
            )
        if value.startswith("="):
            pairs[key] = value[1:]
        elif (field := key.strip().lower()) in fields:
            raise ValueError(f"{path}: two lines {field!r} in its NRRD header; write it again")
        else:
            fields[field] = value.strip()
            if field in ("data file", "datafile") and value.strip().startswith("LIST"):
                break
    if "data file" in fields or "datafile" in fields:
        return NrrdHeader(path, fields, pairs, stream.tell())
    raise ValueError(f"{path}: truncated: its NRRD header has no end; get it again")
