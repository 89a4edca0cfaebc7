"""Values as cells of a CSV that somebody will open in a spreadsheet."""

FORMULA = tuple("=+-@\t\r\0＝＋－＠")


def cell(value: object) -> str:
    """A spreadsheet must not take a text for a formula (ASVS 1.2.10, trust.md §6). None is an empty cell."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
