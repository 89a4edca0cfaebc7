"""One cell: undoes what a spreadsheet did to it, and formats numbers as text."""

import math
import re

PLAIN_SPACE = " \t\r\n\u00a0\u3000"
EXACT_BELOW = 1e15  # from here on a spreadsheet's number has lost digits: it stores fifteen
EXACT_IN_JSON_BELOW = 2**53

FORMULA_SIGNS = tuple("=+-@\t\r\0＝＋－＠")
"""Characters that begin a formula in a spreadsheet."""
DROPPED = tuple(map(chr, (*range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))))
"""Characters beyond ASCII that no text contains: C1 controls, other line ends, direction controls."""

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|[\u2028\u2029]")
# Over HTTP they are refused (web/wire.py): C0, C1, and direction controls.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_AS_FORMULA = re.compile(r'="([^"]*)"')


def clean(cell: str) -> str:
    """Tidy a cell and strip it."""
    return (cell if cell.isprintable() else tidy(cell)).strip(PLAIN_SPACE)


def tidy(cell: str) -> str:
    """Remove what no text contains: control characters and lone surrogates. Tabs and line ends stay."""
    if not _ODD.search(cell):
        return cell
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", _LINE_END.sub("\n", cell)))


def unwrap(cell: str) -> str:
    """Undo the ways to mark a value as text for a spreadsheet: ="0123", a leading ', or a pair of quotes."""
    stripped = cell.strip(PLAIN_SPACE)
    if wrapped := _AS_FORMULA.fullmatch(stripped):
        return wrapped[1]
    if not stripped.startswith("'"):
        return cell
    is_pair = len(stripped) > 2 and stripped.endswith("'") and not stripped[1:].startswith(("'", *FORMULA_SIGNS))
    return stripped[1:-1] if is_pair else stripped[1:]


def identifier_text(number: int) -> str:
    """Format a bare JSON integer where an identifier is expected. From 2^53 on JavaScript has rounded it, and one in eleven
    rounded numbers passes its check all the same, so it is formatted as visibly damaged.
    """
    return str(number) if abs(number) < EXACT_IN_JSON_BELOW else f"{number:.14E}"


def number_text(number: float) -> str:
    """Format a spreadsheet's number; one that has lost digits is formatted so that this is visible."""
    if not math.isfinite(number):
        return ""
    if abs(number) >= EXACT_BELOW:
        return f"{number:.14E}"
    return str(int(number)) if number == int(number) else repr(number)
