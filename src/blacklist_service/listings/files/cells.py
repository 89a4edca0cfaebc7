"""One cell: what a spreadsheet did to it undone, and numbers written as texts."""

import math
import re

PLAIN_SPACE = " \t\r\n\u00a0\u3000"
EXACT_BELOW = 1e15  # from here on a spreadsheet's number has lost digits: it keeps fifteen
EXACT_IN_JSON_BELOW = 2**53

FORMULA_SIGNS = tuple("=+-@\t\r\0＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula."""
DROPPED = tuple(map(chr, (*range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))))
"""Beyond ASCII, what no text has: C1 controls, other ends of lines, what makes a text read in another direction."""

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|[\u2028\u2029]")
# Over HTTP they are refused (web/wire.py): C0, C1, and what makes a text read in another direction.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_AS_FORMULA = re.compile(r'="([^"]*)"')


def clean(cell: str) -> str:
    """Tidy a cell and take off the whitespace around it."""
    return (cell if cell.isprintable() else tidy(cell)).strip(PLAIN_SPACE)


def tidy(cell: str) -> str:
    """Take out what no text has: control characters and halves of characters. Tabs and line ends stay."""
    if not _ODD.search(cell):
        return cell
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", _LINE_END.sub("\n", cell)))


def unwrap(cell: str) -> str:
    """Undo the ways of telling a spreadsheet that something is text: ="0123", a ' before it, or a pair of them."""
    stripped = cell.strip(PLAIN_SPACE)
    if wrapped := _AS_FORMULA.fullmatch(stripped):
        return wrapped[1]
    if not stripped.startswith("'"):
        return cell
    is_pair = len(stripped) > 2 and stripped.endswith("'") and not stripped[1:].startswith(("'", *FORMULA_SIGNS))
    return stripped[1:-1] if is_pair else stripped[1:]


def identifier_text(number: int) -> str:
    """Write a whole number that stands bare in JSON where an identifier belongs. From 2^53 on JavaScript has rounded it, and
    one in eleven that it rounded passes its check all the same: it is written so that it is seen to be damaged.
    """
    return str(number) if abs(number) < EXACT_IN_JSON_BELOW else f"{number:.14E}"


def number_text(number: float) -> str:
    """Write a spreadsheet's number; one that has lost digits is written so that it is seen to have lost them."""
    if not math.isfinite(number):
        return ""
    if abs(number) >= EXACT_BELOW:
        return f"{number:.14E}"
    return str(int(number)) if number == int(number) else repr(number)
