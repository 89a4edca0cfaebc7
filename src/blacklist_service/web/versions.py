"""`If-Match`: the version that a request says it changes."""

from blacklist_service.problems import FieldError, InvalidRequest

FORM = '^(W/)?"?[0-9]{1,9}"?$'
MOST_DIGITS = 9


def version_in(if_match: str) -> int:
    """The version that the header names; raise `InvalidRequest` if it names none."""
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS):
        raise InvalidRequest(errors=[FieldError("If-Match", "form", 'a version such as "3"')])
    return int(number)
