"""Lines of a head whose value changes with each request: a head is known again by what stands around the values."""

import re
from collections.abc import Mapping

LINE_END = b"\r\n"
MOST_WAYS_OF_WRITING = 8
"""Of the names on one connection, such as `Idempotency-Key: ` and `idempotency-key:`; a client has one for each."""

NO_VALUES: Mapping[bytes, bytes] = {}


class ChangingLines:
    """The lines that one connection has sent so far. `forms` are those that may change, each with the form of its value,
    which has no line's end in it and neither begins nor ends with a blank.
    """

    __slots__ = ("_forms", "_learned")

    def __init__(self, forms: "Mapping[bytes, re.Pattern[bytes]]") -> None:
        self._forms = forms
        self._learned: dict[bytes, bytes] = {}

    def without_values(self, head: bytes) -> tuple[bytes, Mapping[bytes, bytes]]:
        """The head with the values of the lines that were learned cut out, and the values by their names in lower case.

        What was cut out is named behind the head's end, where nothing of a head can stand: an empty value is not taken for
        one that was cut out. A value that is not of its form is left where it is, so that the head is not known and goes
        to the parser. Whatever is cut out therefore is one line's value: around it the bytes are those that the parser
        read before.
        """
        if not self._learned:
            return head, NO_VALUES
        values: dict[bytes, bytes] = {}
        for before, name in self._learned.items():
            start = head.find(before)
            if start < 0:
                continue
            start += len(before)
            end = head.find(LINE_END, start)
            value = head[start:end]
            if self._forms[name].fullmatch(value):
                values[name] = value
                head = b"%b%b%b" % (head[:start], head[end:], name)
        return head, values

    def learn(self, head: bytes, headers: Mapping[bytes, bytes]) -> bool:
        """Learn how this head writes the lines that change; whether it is to be remembered.

        `headers` are what the parser read in it. A line whose value it read otherwise than it is written, with blanks
        around it or in two lines, keeps the whole head from being remembered.
        """
        for name in self._forms.keys() & headers.keys():
            before = self._written_before(head, name, headers[name])
            if before is None:
                return False
            if before not in self._learned and len(self._learned) >= MOST_WAYS_OF_WRITING:
                self._learned.clear()
            self._learned[before] = name
        return True

    def _written_before(self, head: bytes, name: bytes, value: bytes) -> bytes | None:
        """What stands before the value: the end of the line before, the name, the colon and blanks."""
        for line in head.split(LINE_END):
            written, _, rest = line.partition(b":")
            if written.lower() == name:
                is_as_written = self._forms[name].fullmatch(value) and rest.lstrip(b" ") == value
                return LINE_END + line.removesuffix(value) if is_as_written else None
        return None
