"""Damaged and hostile texts for the readers of YAML and JSON: known ones by name, and changes of good ones by number.

Every change comes from (seed, number), so that a failure can be made again.
"""

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ramify.command_line import parse
from ramify.comparison.results import read_results
from ramify.data.folds import check_splits
from ramify.disk.json_files import read_json
from ramify.training.settings import RunSettings
from tests.fuzzing.reader import Reader

SETTINGS = b"""# a training
cases: output/cases
output: output/run
seed: 0
model: {network: resunet, levels: 3, base_channels: 8}
loading:
  batch_size: 2
  patch_size: [32, 32, 32]
loss: &loss
  lambda_scales: [0.78, 0.48]
  temperature: 0.94
train: {epochs: 5, learning_rate: 3.0e-4}
"""
SCORES = json.dumps(
    {
        "cases": {f"case_{number}": {"dice": 0.8, "hd_mm": 7.5, "empty_prediction": False} for number in range(4)},
        "settings": {"skeleton": "lee"},
        "failed": {"case_9": 'said: "no"'},
        "versions": {"python": "3.11"},
    },
    indent=1,
).encode()
SPLITS = b'[{"train": ["a", "b"], "val": ["c"]},\n {"train": ["c"], "val": ["a", "b"]}]\n'

HOSTILE_YAML: dict[str, bytes] = {
    "a key twice": b"a: 1\nb: 2\na: 3\n",
    "a key twice in a section": b"s:\n  x: 1\n  x: 1\n",
    "aliases of aliases": b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (c, c, b", ".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110)),
    "merges of merges": b"a: &a {x: 1}\n"
    + b"".join(b"%c: &%c {<<: [%s]}\n" % (c, c, b", ".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110)),
    "an alias within what it names": b"a: &a [*a]\n",
    "a merge of itself": b"x: &x {<<: *x}\n",
    "ten megabytes": b"- 1\n" * 2_500_000,
    "many values": b"- 1\n" * 49_000,
    "brackets without end": b"[" * 3000,
    "brackets to the limit": b"[" * 199_000,
    "dashes without end": b"- " * 3000 + b"1",
    "sections without end": b"".join(b" " * depth + b"a:\n" for depth in range(600)),
    "a tab": b"a:\n\tb: 1\n",
    "a NUL": b"a: \0\n",
    "Latin 1": "a: é\n".encode("latin-1"),
    "UTF-16": "a: 1".encode("utf-16"),
    "a long number": b"a: 1" + b":1" * 90_000,
    "a long hexadecimal number": b"a: 0x" + b"f" * 190_000,
    "no such month": b"a: 2001-99-99\n",
    "no number": b"a: !!int ''\n",
    "no truth value": b"a: !!bool x\n",
    "no time": b"a: !!timestamp x\n",
    "code": b"a: !!python/object/apply:os.system [ls]\n",
    "two documents": b"a: 1\n---\nb: 2\n",
    "a list for a key": b"[a]: 1\n",
    "a list": b"- a\n- b\n",
    "a text": b"just words\n",
    "a number for a key": b"1: 2\n",
    "a long tag": b"a: !" + b"x" * 190_000 + b" 1\n",
    "a key without end": b'"' + b"k" * 190_000 + b'": 1\n',
}
HOSTILE_JSON: dict[str, bytes] = {
    "brackets without end": b"[" * 100_000,
    "objects without end": b'{"a":' * 100_000,
    "closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "a key twice": b'{"a": 1,\n "b": "{ a", "a": 2}',
    "a key twice, written otherwise": b'{"a": 1,\n "\\u0061": 2}',
    "a long number": b"1" * 5000,
    "a NUL": b'{"a": \0}',
    "Latin 1": '{"a": "é"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "nothing": b"",
    "half": b'{"a": [1, 2',
    "too large": b" " * 64_000_001,
}
WRONG: tuple[Any, ...] = (None, "x", -1, 7.5, True, [], {}, [1], {"a": 1}, math.nan, math.inf, 10**400, "\ud800", "\0")
"""Values of another type or range than most places have."""
_WORDS = (b"null", b"NaN", b"-1", b"1e999", b"true", b'"x"', b"[]", b"{}", b"*a", b"&a", b"<<", b"? ", b"- ", b"!!int ")


def damaged(text: bytes, seed: int, number: int) -> tuple[str, bytes]:
    """A text with one to three changes, and what they were."""
    random = np.random.default_rng((seed, number, 2))
    said = []
    for _ in range(int(random.integers(1, 4))):
        what, text = _changed(text, random)
        said.append(what)
    return ", ".join(said), text


def another_value(content: Any, seed: int, number: int) -> tuple[str, Any]:
    """Plain data with one value lost or of another type, and which."""
    random = np.random.default_rng((seed, number, 3))
    changed = copy.deepcopy(content)
    places = list(_places(changed))
    *way, last = places[int(random.integers(len(places)))]
    holder = changed
    for key in way:
        holder = holder[key]
    if random.random() < 0.25:
        del holder[last]
        return f"{[*way, last]} lost", changed
    holder[last] = WRONG[int(random.integers(len(WRONG)))]
    return f"{[*way, last]} is {holder[last]!r}", changed


def _places(content: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in plain data."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inner:
        yield (*way, key)
        yield from _places(value, (*way, key))


def _changed(text: bytes, random: np.random.Generator) -> tuple[str, bytes]:
    place = int(random.integers(len(text) + 1))
    length = int(random.integers(1, 40))
    kind = int(random.integers(6))
    if kind == 0:
        return f"cut after {place}", text[:place]
    if kind == 1:
        return f"{length} bytes lost at {place}", text[:place] + text[place + length :]
    if kind == 2:
        other = int(random.integers(len(text) + 1))
        return f"{length} bytes of {other} again at {place}", text[:place] + text[other : other + length] + text[place:]
    if kind == 3:
        return f"noise at {place}", text[:place] + random.bytes(3) + text[place + 3 :]
    if kind == 4:
        word = _WORDS[int(random.integers(len(_WORDS)))]
        return f"{word!r} at {place}", text[:place] + word + text[place:]
    lines = text.splitlines(keepends=True)
    order = random.permutation(len(lines))
    return "lines in another order", b"".join(lines[index] for index in order)


def _read_settings(path: Path) -> object:
    return parse(RunSettings, "test", ["--config", str(path), "--cases", "c", "--output", "o"])


def _read_splits(path: Path) -> object:
    return check_splits(read_json(path), {case: case for case in "abc"}, str(path))


READERS = [
    Reader("yaml", "config.yaml", lambda: [SETTINGS], _read_settings),
    Reader("json: scores", "metrics.json", lambda: [SCORES], read_results),
    Reader("json: splits", "splits_final.json", lambda: [SPLITS], _read_splits),
]
