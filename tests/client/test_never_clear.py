"""Whatever bytes arrive, only a complete, valid and fresh 200 to this very question is an answer."""

import asyncio
import copy
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blacklist_client import Answer, AsyncBlacklist, Blacklist, Decision, Hold, calls
from blacklist_client.answers import Asked, read_answer
from blacklist_client.conversation import Reply, State, converse
from blacklist_client.errors import BlacklistError, NoAnswer, NotUnderstood, StaleReplay
from blacklist_client.reading import dump
from blacklist_client.transport import Address, SyncTransport
from tests.client.answers import NUMBER, QUESTION, answer, holder, match, places, reply

IS_SOAK = bool(os.environ.get("BLACKLIST_SOAK"))
DECISIONS = ["block", "flag", "clear"]
ASKED = Asked(QUESTION, dump(QUESTION.wire()), "key", 0.0)


def ask(came: Reply) -> Answer | BlacklistError:
    """What the whole core makes of one reply, were it to come on every try."""
    conversation = converse(calls.ask(ASKED), State())
    step: Any = None
    try:
        while True:
            step = conversation.send(None if step is None or not hasattr(step, "request") else came)
    except StopIteration as ended:
        found: Answer = ended.value
        return found
    except BlacklistError as error:
        return error


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_whole_answer_is_one(decision: str) -> None:
    found = ask(reply(answer(decision)))

    assert isinstance(found, Answer)
    assert found.decision == decision


@pytest.mark.parametrize("decision", DECISIONS)
def test_cut_anywhere_it_is_none(decision: str) -> None:
    whole = reply(answer(decision))

    for end in range(len(whole.content)):
        assert isinstance(ask(reply(whole.content[:end])), NotUnderstood), end


@pytest.mark.parametrize("decision", DECISIONS)
def test_without_any_of_its_fields_it_is_none(decision: str) -> None:
    whole = answer(decision)
    for path in places(whole):
        cut = copy.deepcopy(whole)
        if isinstance(path[-1], int):  # an item of a list, of which there may be any number
            continue
        del holder(cut, path)[path[-1]]
        assert isinstance(ask(reply(cut)), NotUnderstood), path


STRANGE: list[Any] = ["", "CLEAR", "Clear", " clear", "unknown", None, True, 0, 1, 1.5, [], {}, "2018-04-20", -1]


@pytest.mark.parametrize("decision", DECISIONS)
def test_no_other_value_anywhere_makes_it_weaker(decision: str) -> None:
    whole = answer(decision)
    for path in places(whole):
        for strange in [*STRANGE, *DECISIONS]:
            changed = copy.deepcopy(whole)
            holder(changed, path)[path[-1]] = strange
            found = ask(reply(changed))
            if isinstance(found, Answer):  # a text where a text was, or more than was said
                assert DECISIONS.index(found.decision) <= DECISIONS.index(decision), (path, strange)
            else:
                assert isinstance(found, NoAnswer), (path, strange)


def test_a_decision_weaker_than_its_parts_is_none() -> None:
    hidden = answer("clear", subjects=[{"role": "applicant", "decision": "clear", "matches": [match("block")]}])
    other = answer("clear", subjects=answer("flag")["subjects"])

    assert isinstance(ask(reply(hidden)), NotUnderstood)
    assert isinstance(ask(reply(other)), NotUnderstood)


def test_an_answer_to_another_question_is_none() -> None:
    others: list[dict[str, Any]] = [{"reference": "GD-2"}, {"matter": "school_enrolment"}, {"subjects": []}]
    for values in others:
        assert isinstance(ask(reply(answer("clear", **values))), NotUnderstood)
    guardian = answer("clear")
    guardian["subjects"][0]["role"] = "guardian"
    assert isinstance(ask(reply(guardian)), NotUnderstood)


def test_what_is_more_passes() -> None:
    more = answer("flag", new_field={"a": [1]})
    more["subjects"][0]["matches"][0]["new_field"] = None

    assert isinstance(ask(reply(more)), Answer)


def test_no_other_status_is_an_answer() -> None:
    for status in [*range(100, 200), *range(201, 600)]:
        assert isinstance(ask(reply(answer("clear"), status=status)), NoAnswer), status


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html"},
        {"content-type": "text/json"},
        {"content-type": ""},
        {"date": "yesterday"},
        {"date": ""},
    ],
)
def test_not_without_its_headers(headers: dict[str, str]) -> None:
    assert isinstance(ask(reply(answer("clear"), headers=headers)), NotUnderstood)


def test_json_that_another_reader_would_let_pass_is_none() -> None:
    text = json.dumps(answer("clear"))
    blocked = text.replace('"decision": "clear"', '"decision": "block", "decision": "clear"', 1)
    for content in (blocked, text + "x", "[" + text + "]", text.replace("48213", "NaN"), "\ufeff" + text):
        assert isinstance(ask(reply(content.encode())), NotUnderstood)
    assert isinstance(ask(reply(text.encode("utf-16"))), NotUnderstood)
    assert isinstance(ask(reply(b"[" * 100_000)), NotUnderstood)


def test_a_stored_answer_is_asked_anew_under_another_key() -> None:
    old = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
    conversation = converse(calls.ask(ASKED), State())
    first: Any = conversation.send(None)
    wait: Any = conversation.send(reply(answer("clear", checked_at=old)))
    second: Any = conversation.send(None)

    assert wait.seconds == 0
    assert first.request.key == "key"
    assert second.request.key not in {"key", None}
    assert second.request.content == first.request.content
    assert isinstance(ask(reply(answer("clear", checked_at=old))), StaleReplay)


@settings(max_examples=20_000 if IS_SOAK else 300, deadline=None)
@given(content=st.binary(max_size=300), status=st.sampled_from([200, 201, 202, 204, 302, 404, 422, 500, 503]))
def test_any_bytes(content: bytes, status: int) -> None:
    assert isinstance(ask(reply(content, status=status)), BlacklistError)


@settings(max_examples=20_000 if IS_SOAK else 300, deadline=None)
@given(decision=st.sampled_from(DECISIONS), place=st.floats(0, 1), byte=st.integers(0, 255))
def test_any_byte_changed(decision: str, place: float, byte: int) -> None:
    content = bytearray(reply(answer(decision)).content)
    content[int(place * (len(content) - 1))] = byte

    found = ask(reply(bytes(content)))

    assert not isinstance(found, Answer) or found.decision == decision


# On the wire


@contextmanager
def speaking(*messages: bytes, drip_seconds: float | None = None) -> Iterator[str]:
    """A server that says these bytes, one message a connection, whatever it is asked, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            for message in messages:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        if drip_seconds is None:
                            connection.sendall(message)
                        else:
                            for one in message:
                                connection.send(bytes([one]))
                                if done.wait(drip_seconds):
                                    return
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            done.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def message(content: Any) -> bytes:
    whole = reply(content)
    lines = [b"HTTP/1.1 200 OK", *(f"{name}: {value}".encode() for name, value in whole.headers.items())]
    lines.append(b"content-length: %d" % len(whole.content))
    return b"\r\n".join(lines) + b"\r\n\r\n" + whole.content


def test_cut_on_the_wire_it_is_none() -> None:
    whole = message(answer("clear"))
    ends = range(0, len(whole), 1 if IS_SOAK else 5)
    with speaking(*(whole[:end] for end in ends), whole) as url:
        request = calls.ask(ASKED).request
        transport = SyncTransport(Address(url, "key"))
        for _ in ends:
            with pytest.raises(NoAnswer):
                read_answer(transport.send(request, 5.0), QUESTION)
        assert read_answer(transport.send(request, 5.0), QUESTION).decision is Decision.CLEAR
        transport.close()


@pytest.mark.parametrize("asking", ["sync", "async"])
async def test_an_answer_that_drips_does_not_hold_up_the_deadline(asking: str) -> None:
    whole = message(answer("clear"))
    with speaking(*[whole] * 3, drip_seconds=0.05) as url:
        began = asyncio.get_running_loop().time()
        found = await _ask_at(url, asking)
        took = asyncio.get_running_loop().time() - began
    assert isinstance(found, Hold)
    assert took < 4.0  # three seconds, and what a loaded machine takes


async def _ask_at(url: str, asking: str) -> Answer | Hold:
    if asking == "async":
        async with AsyncBlacklist(url, "key") as office:
            return await office.check_question(QUESTION)

    def block() -> Answer | Hold:
        with Blacklist(url, "key") as office:
            return office.check_question(QUESTION)

    return await asyncio.to_thread(block)


def test_a_hold_says_nothing_of_the_person_and_stays_in_memory() -> None:
    with speaking() as url:
        pass
    with Blacklist(url, "key") as office:
        found = office.check_question(QUESTION)

    assert isinstance(found, Hold)
    assert NUMBER not in repr(found) + found.why + repr(QUESTION)
    assert not hasattr(found, "decision")
    refusals: list[Callable[[], Any]] = [lambda: bool(found), lambda: copy.deepcopy(found)]
    for refused in refusals:
        with pytest.raises(TypeError):
            refused()
