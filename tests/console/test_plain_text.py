"""What a name of a file holds is shown, and never obeyed."""

import subprocess
import sys

import pytest

from ramify.console.plain_text import plain

PRINTING = """
import sys
from ramify.console.plain_text import plain_output
with plain_output():
    {code}
"""


def printed(code: str) -> tuple[bytes, bytes]:
    done = subprocess.run([sys.executable, "-c", PRINTING.format(code=code)], capture_output=True, check=True)
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("liver_01", "liver_01"),
        ("Lèvre ± λ\n\tb", "Lèvre ± λ\n\tb"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("good\rbad", "good\\rbad"),
        ("\x9b31m", "\\x9b31m"),
        ("gz.nii\u202e", "gz.nii\\u202e"),
    ],
)
def test_control_characters_become_their_codes(text, shown):
    assert plain(text) == shown


def test_what_is_printed_is_plain():
    out, err = printed(r"print('a\x1b[31mb\rc'); print('\x07x', file=sys.stderr)")
    assert (out, err) == (rb"a\x1b[31mb\rc" + b"\n", rb"\x07x" + b"\n")


def test_a_progress_bar_moves_as_ever():
    bar = "from tqdm import tqdm; bar = tqdm(total=2, ncols=40, {more}); bar.update(2); tqdm.write('done'); bar.close()"
    code = PRINTING.format(code=bar.format(more=""))
    bare = code.replace("with plain_output():", "if True:")
    safe, unsafe = (
        subprocess.run([sys.executable, "-c", each], capture_output=True, check=True) for each in (code, bare)
    )
    # The rates differ; where the cursor goes does not.
    moves = [[byte for byte in done.stderr if byte < 32] for done in (safe, unsafe)]
    assert moves[0] == moves[1]
    assert b"\\x" not in safe.stderr
    assert safe.stdout == unsafe.stdout == b"done\n"


def test_the_streams_are_put_back(capsys):
    from ramify.console.plain_text import plain_output

    before = sys.stdout
    with plain_output():
        print("in\x1b")
    print("out")
    assert sys.stdout is before
    assert capsys.readouterr().out == "in\\x1b\nout\n"
