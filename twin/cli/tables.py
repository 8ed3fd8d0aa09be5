"""What the commands print: tables of at most 100 columns, and texts that cannot control the terminal."""

import re
import shutil

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100
"""Columns of the widest output; a narrower terminal gets less."""


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table with a header.

    Args:
        columns: the names of the columns.
        right: the columns with numbers.
    """
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def add_row(table: Table, *cells: str) -> None:
    """Add a row; the cells are plain text, in which brackets mean nothing."""
    table.add_row(*(Text(one_line(cell)) for cell in cells))


def print_table(table: Table) -> None:
    """Print a table on standard output, without spaces at the ends of its lines if that is not a terminal."""
    console = Console(width=width(), highlight=False)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def width() -> int:
    """Columns to print in."""
    return max(40, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def one_line(text: str) -> str:
    """A text as a cell of one line: file names and titles may contain line breaks and terminal escape codes."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: repr(found[0])[1:-1], text)


def printable(text: str) -> str:
    """A text with its line breaks and tabs, but without the codes that control a terminal."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text.replace("\r\n", "\n"))
