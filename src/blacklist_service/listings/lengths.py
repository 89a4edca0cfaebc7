"""The maximum lengths of a listing's texts, the same for a file's row and a publication over HTTP. Pure.

A text that names a listing is in indexes, answers and letters: its limit is above any honest length, and a longer one refuses
the listing. Other texts (obligation, notes) are kept whole, up to a total for the listing.
"""

from collections.abc import Collection

LONGEST_NAME = 200
LONGEST_NUMBER = 64
LONGEST_BASIS = 500
MOST_BYTES = 64 << 10
"""All texts of a listing together, in UTF-8: anything longer is not a listing."""

MOST_BYTES_EACH = 4
MOST_SHOWN = 2000
"""Characters of one text in a list of many listings."""

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
    """The first text that is too long for its field; or else the longest of all if together they are too long."""
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
    """A text as shown in lists and letters; the listing itself has it whole."""
    return text if text is None or len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
