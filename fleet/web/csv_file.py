"""Tables as CSV (RFC 4180) that no spreadsheet runs: what devices send may begin with "=".

A spreadsheet takes a cell for a formula by its first character (OWASP, "CSV Injection"), and, where
its separator is another than ours, what follows that separator inside a cell too. An apostrophe
before it makes text of it.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

MARK = "\ufeff"
"""Without it Excel reads UTF-8 as the letters of its own country."""
_FORMULA = re.compile(r"""(^|[;,|\t\r\n])([\s"']*)(?=[-=+@\uff0d\uff1d\uff0b\uff20])""")

Cell = object


def lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """One record at a time, so that a long table needs no memory."""
    buffer = StringIO()
    writer = csv.writer(buffer)  # lines end in CRLF, quotes are doubled: RFC 4180
    buffer.write(MARK)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def safe(cell: Cell) -> Cell:
    """Numbers and dates are ours and go as they are; text is disarmed."""
    return _FORMULA.sub(r"\1\2'", cell) if isinstance(cell, str) else cell
