"""Server-sent events come whole out of pieces of any size."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blacklist_client.streams import MOST_LINE_BYTES, EventReader, ServerSentEvent

STREAM = (
    ": still here\n\n"
    "retry: 1000\n\n"
    'id: 7\nevent: watch.ended\ndata: {"sequence": 7,\ndata: "x": "张三"}\n\n'
    "data:one\r\n\r\n"
    "event: none\n\n"
    "id: 9\ndata: two\n\n"
    "data: cut"
).encode()
EVENTS = [
    ServerSentEvent("watch.ended", '{"sequence": 7,\n"x": "张三"}', "7"),
    ServerSentEvent("message", "one", "7"),
    ServerSentEvent("message", "two", "9"),
]


@given(cuts=st.lists(st.integers(0, len(STREAM))))
def test_a_stream_in_pieces(cuts: list[int]) -> None:
    reader = EventReader()
    places = [0, *sorted(cuts), len(STREAM)]

    found = [event for first, end in itertools.pairwise(places) for event in reader.feed(STREAM[first:end])]

    assert found == EVENTS


def test_a_line_that_does_not_end_is_no_stream() -> None:
    reader = EventReader()
    with pytest.raises(ValueError, match="does not end"):
        list(reader.feed(b"data: " + b"x" * MOST_LINE_BYTES))
