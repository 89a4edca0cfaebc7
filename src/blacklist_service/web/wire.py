"""Types shared by all requests: strict, bounded, and without characters that could forge a log line."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

# C0 and C1 controls, and bidirectional controls, which make a text read differently from what it is (trust.md §6).
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
FORBIDDEN_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
LONGEST_LINE = 500
"""A text that may be longer can have paragraphs. A shorter one is a single line: a line break could forge the next line of a
letter.
"""
BIDIRECTIONAL = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YEARS = range(1900, 2201)
"""The range of list files too. Nothing this service handles lies beyond it, and date arithmetic stays within the calendar."""


class Request(BaseModel):
    """A body as a client sends it: unknown fields are refused, types are taken as written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Parameters(BaseModel):
    """The query parameters of a request: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Response(BaseModel):
    """A body as the service sends it."""

    model_config = ConfigDict(frozen=True)


def _refuse_controls(text: str) -> str:
    # Printable text has none of them: nearly every text is done here.
    if not text.isprintable() and FORBIDDEN.search(text):
        raise PydanticCustomError("control_character", "Control characters are not allowed")
    return text


def _refuse_ends_of_lines(text: str) -> str:
    if not text.isprintable() and FORBIDDEN_IN_A_LINE.search(text):
        raise PydanticCustomError("control_character", "Control characters and ends of lines are not allowed")
    return text


def _without_directions(text: str) -> str:
    """Remove direction controls: names are copied from web pages and tables together with the controls around them, in files
    as in questions.
    """
    return text if text.isprintable() else text.translate(BIDIRECTIONAL)


def _read_name(text: str) -> str:
    """A function of its own, because thousands of names are validated every second: nearly all return at once."""
    if text.isprintable() and text.strip():
        return text
    return _refuse_blank(_refuse_ends_of_lines(_without_directions(text)))


def _read_reference(text: str) -> str:
    if text.isprintable() and text.strip():
        return text
    return _refuse_blank(_refuse_ends_of_lines(text))


def _refuse_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "Must not be blank")
    return text


def _read_date(value: Any) -> Any:
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = None
    if type(value) is date and value.year in YEARS:
        return value
    raise PydanticCustomError("date", "Must be a date such as 2018-04-20")


def _read_instant(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, datetime) and value.tzinfo is not None and value.year in YEARS:
        return value
    raise PydanticCustomError("instant", "Must be an RFC 3339 instant with its offset, such as 2018-04-26T00:41:00Z")


def text(most: int, least: int = 1) -> Any:
    """A line of at most `most` characters, or paragraphs if above `LONGEST_LINE`; as metadata: `Annotated[str,
    *text(200)]`.
    """
    refuse = _refuse_ends_of_lines if most <= LONGEST_LINE else _refuse_controls
    return (StringConstraints(min_length=least, max_length=most), AfterValidator(refuse))


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_read_name),
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_read_reference)]
Code = Annotated[str, *text(64)]
Number = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_refuse_controls)]
"""A document's number as typed or pasted: spaces and line breaks in it are ignored."""
OperatorName = Annotated[str, *text(100)]
"""The person who acts at the caller's side, as the caller names them."""
Explanation = Annotated[str, *text(2000)]
"""A reason or a remark, in the words of the person who acts."""
LongText = Annotated[str, *text(20_000, 0)]
LegalDate = Annotated[date, BeforeValidator(_read_date)]
Instant = Annotated[datetime, BeforeValidator(_read_instant)]
