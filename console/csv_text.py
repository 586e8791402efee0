"""Tables as CSV that a spreadsheet shows and does not run: a case may be called =HYPERLINK(...)."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from ramify.console.plain_text import plain

_RUN = ("=", "+", "-", "@", "\t")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and rows; floats at full precision, nothing for None.

    Text that a spreadsheet would run (it begins with = + - @ or a tab, and is no number) gets an apostrophe before it;
    control characters are written as their codes.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_shown(name) for name in header])
    writer.writerows([_shown(value) for value in row] for row in rows)
    return stream.getvalue()


def csv_of_records(records: Sequence[Mapping[str, object]], otherwise: Sequence[str] = ()) -> str:
    """A row a record and a column for each key that any has, in order of first appearance.

    otherwise: the header where there is no record.
    """
    columns = list(dict.fromkeys(key for record in records for key in record)) or list(otherwise)
    return csv_text(columns, ([record.get(column) for column in columns] for record in records))


def _shown(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(_RUN) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
