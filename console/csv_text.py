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
    """A row a record and a column for each key that any has; what a later record has more stands where it has it.

    otherwise: the header where there is no record.

    Examples:
        >>> from ramify.console.csv_text import csv_of_records
        >>> print(csv_of_records([{"case": "a", "order_1": 3, "total": 3}, {"case": "b", "order_1": 2, "order_2": 1}]))
        case,order_1,order_2,total
        a,3,,3
        b,2,1,
        <BLANKLINE>
    """
    columns: list[str] = []
    for record in records:
        place = 0
        for key in record if not record.keys() <= {*columns} else ():
            if key in columns:
                place = columns.index(key) + 1
            else:
                columns.insert(place, key)
                place += 1
    columns = columns or list(otherwise)
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
