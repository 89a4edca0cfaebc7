"""How long the texts of a listing may be, the same for a file's row and a publication over HTTP. Pure.

What names a listing stands in indexes, in answers and on paper: it has a length there is no honest reason to exceed, and a
longer one refuses the listing. What is told beside (obligation, notes) is kept whole, up to so much for a listing in all.
"""

from collections.abc import Collection

LONGEST_NAME = 200
LONGEST_NUMBER = 64
LONGEST_BASIS = 500
MOST_BYTES = 64 << 10
"""Of all texts of a listing together, as UTF-8: more is no listing but a load."""

MOST_BYTES_EACH = 4
MOST_SHOWN = 2000
"""Characters of one text in a list of many."""

LONGEST = {
    "name": LONGEST_NAME,
    "case_number": LONGEST_NAME,
    "court_name": LONGEST_NAME,
    "record_id": LONGEST_NUMBER,
    "decision_number": LONGEST_NAME,
    "legal_representative": LONGEST_NAME,
    "party_sequence": LONGEST_NUMBER,
    "identifier_number": LONGEST_NUMBER,
    "basis_number": LONGEST_BASIS,
    "basis_issuer": LONGEST_BASIS,
}
"""Characters of each text that names something, by the name of its field."""


def overlong(texts: Collection[tuple[str, str]]) -> str | None:
    """The first text that is longer than its field may be; else the longest of all where together they are too long."""
    total = 0
    longest, longest_name = -1, None
    for name, text in texts:
        length = len(text)
        if length > LONGEST.get(name, MOST_BYTES):
            return name
        total += length
        if length > longest:
            longest, longest_name = length, name
    return longest_name if total * MOST_BYTES_EACH > MOST_BYTES and size_of(texts) > MOST_BYTES else None


def size_of(texts: Collection[tuple[str, str]]) -> int:
    """In bytes of UTF-8."""
    return sum(len(text.encode(errors="replace")) for _, text in texts)


def shown(text: str | None) -> str | None:
    """A text as it is shown among others, in lists and on paper; the listing itself has it whole."""
    return text if text is None or len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
