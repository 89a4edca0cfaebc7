"""Values as cells of a CSV file that will be opened in a spreadsheet."""

import re

from blacklist_service.subjects.roster_results import FORMULA

_DIGITS = re.compile(r"[0-9]+[Xx]?")
_LIKE_A_NUMBER = re.compile(r"[0-9.,:/ -]*[0-9][0-9.,:/ -]*(?:[Ee][+-]?[0-9]+)?%?|(?:TRUE|FALSE)", re.IGNORECASE)


def lasting_cell(text: str) -> str:
    """A text that survives a spreadsheet unchanged, once `listings.files.cells.unwrap` has read it back.

    Digits become a formula that yields them as text, because a spreadsheet keeps fifteen digits and drops leading zeros. Text
    that it would take for a formula, a date or a number, or that already begins with a quote, gets a quote before it.
    """
    if _DIGITS.fullmatch(text):
        return f'="{text}"'
    return f"'{text}" if text.startswith(("'", *FORMULA)) or _LIKE_A_NUMBER.fullmatch(text) else text


def cell(value: object) -> str:
    """Text that a spreadsheet must not take for a formula (ASVS 1.2.10, trust.md §6). None is an empty cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
