"""Comma-separated values that a spreadsheet shows and never runs (RFC 4180)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "|", "%")
_END: Final = "\r\n"
_NUMBER: Final = set("0123456789.")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Yield a table, its heading first; every field is quoted.

    Args:
        columns: Their names, in order.
        rows: What a row has not is empty.
    """
    yield _line(columns)
    for row in rows:
        yield _line([_text(row.get(name)) for name in columns])


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table as one text."""
    return "".join(csv_lines(columns, rows))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value)


def _line(fields: Iterable[str]) -> str:
    return ",".join(_field(each) for each in fields) + _END


def _field(text: str) -> str:
    """Return one field. What a spreadsheet would take for a formula gets an apostrophe before it.

    A negative number is none: it has a sign and digits, and nothing to run.
    """
    if text.lstrip(" ").startswith(_BEGINS_A_FORMULA) and not _is_negative(text):
        text = f"'{text}"
    return '"' + text.replace("\0", "").replace('"', '""') + '"'


def _is_negative(text: str) -> bool:
    return text[:1] == "-" and text[1:] != "" and set(text[1:]) <= _NUMBER
