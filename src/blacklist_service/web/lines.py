"""Lines of a head whose value changes with each request: the head is recognised by the bytes around the values."""

import re
from collections.abc import Mapping

LINE_END = b"\r\n"
MOST_WAYS_OF_WRITING = 8
"""The most spellings of such header names on one connection, such as `Idempotency-Key: ` and `idempotency-key:`; a client
uses one each.
"""

NO_VALUES: Mapping[bytes, bytes] = {}


class ChangingLines:
    """The changing lines seen on one connection. `forms` are the headers that may change, each with the form of its value,
    which contains no line end and neither begins nor ends with a space.
    """

    __slots__ = ("_forms", "_learned")

    def __init__(self, forms: "Mapping[bytes, re.Pattern[bytes]]") -> None:
        self._forms = forms
        self._learned: dict[bytes, bytes] = {}

    def without_values(self, head: bytes) -> tuple[bytes, Mapping[bytes, bytes]]:
        """Return the head without the values of the learned lines, and the values by lower-case name.

        The names of the removed values are appended after the end of the head, where no head can have bytes, so that an empty
        value differs from a removed one. A value that does not match its form stays, so that the head is unknown and goes to
        the parser. Every removed value is therefore the value of one line, surrounded by bytes that the parser has read
        before.
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
        """Learn how this head writes its changing lines; return whether the head may be remembered.

        `headers` are what the parser read. A line whose value the parser read otherwise than written, with spaces around it
        or folded over two lines, keeps the whole head from being remembered.
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
        """The bytes before the value: the previous line's end, the name, the colon and spaces."""
        for line in head.split(LINE_END):
            written, _, rest = line.partition(b":")
            if written.lower() == name:
                is_as_written = self._forms[name].fullmatch(value) and rest.lstrip(b" ") == value
                return LINE_END + line.removesuffix(value) if is_as_written else None
        return None
