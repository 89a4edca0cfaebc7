"""Values as cells of a CSV that somebody will open in a spreadsheet."""

import re

FORMULA = tuple("=+-@\t\r\0＝＋－＠")

_DIGITS = re.compile(r"[0-9]+[Xx]?")
_LIKE_A_NUMBER = re.compile(r"[0-9.,:/ -]*[0-9][0-9.,:/ -]*(?:[Ee][+-]?[0-9]+)?%?|(?:TRUE|FALSE)", re.IGNORECASE)


def lasting_cell(text: str) -> str:
    """A text that comes back from a spreadsheet as it is, once `listings.files.cells.unwrap` has seen it.

    Digits become a formula that gives them as text, for a spreadsheet keeps fifteen of them and drops zeros; what it would
    take for a formula, a date or a number, and what begins with a quote already, gets a quote before it.
    """
    if _DIGITS.fullmatch(text):
        return f'="{text}"'
    return f"'{text}" if text.startswith(("'", *FORMULA)) or _LIKE_A_NUMBER.fullmatch(text) else text


def cell(value: object) -> str:
    """A spreadsheet must not take a text for a formula (ASVS 1.2.10, trust.md §6). None is an empty cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
