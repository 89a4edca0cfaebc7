"""The parsers of requests: any bytes give what was sent, or a refusal."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.requests import Request

from blacklist_service.application import create_app
from blacklist_service.checks.schemas import EXAMPLE_CHECK, CheckRequest
from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, VerifierKey
from blacklist_service.ledger.tree import Tile, TreeError, parse_path
from blacklist_service.problems import InvalidRequest, Problem, UnsupportedMediaType
from blacklist_service.secrecy import KEY_BYTES, Secrecy
from blacklist_service.settings import Settings
from blacklist_service.web.bodies import parse_body
from blacklist_service.web.paging import make_cursor, read_cursor, read_place, read_text
from blacklist_service.web.uploads import UploadedFile

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def bodies(app: FastAPI) -> Iterator[type[BaseModel]]:
    """The model of every body the service takes."""
    for included in app.routes:
        for route in getattr(getattr(included, "original_router", None), "routes", ()):
            if route.body_field is not None:
                yield route.body_field.field_info.annotation


MODELS = sorted(
    set(bodies(create_app(Settings(), "postgresql://", Secrecy(bytes(KEY_BYTES))))), key=lambda model: model.__name__
)
WITH_EXAMPLES = [model for model in MODELS if "json_schema_extra" in model.model_config]


def read(model: type[BaseModel], body: bytes) -> None:
    with suppress(InvalidRequest, UnsupportedMediaType):  # of another encoding, by its byte order mark
        assert isinstance(parse_body(model, body), model)


def test_there_are_bodies_to_try():
    assert CheckRequest in MODELS
    assert len(MODELS) > 20


@given(st.binary())
def test_any_bytes_are_a_check_or_a_refusal(body):
    read(CheckRequest, body)


@given(JSON)
def test_any_json_is_a_body_or_a_refusal(value):
    body = json.dumps(value).encode()
    for model in MODELS:
        read(model, body)


@settings(max_examples=50)
@given(st.sampled_from(WITH_EXAMPLES), st.data())
def test_an_example_with_something_else_in_a_field_is_a_body_or_a_refusal(model, data):
    [example, *_] = model.model_config["json_schema_extra"]["examples"]
    name = data.draw(st.sampled_from([*sorted(model.model_fields), "other"]))
    read(model, json.dumps(dict(example) | {name: data.draw(JSON)}).encode())


@given(st.integers(0, 400), st.binary(max_size=4), st.integers(0, 4))
def test_an_example_with_some_bytes_changed_is_a_check_or_a_refusal(at, put, cut):
    body = json.dumps(EXAMPLE_CHECK, ensure_ascii=False).encode()
    read(CheckRequest, body[:at] + put + body[at + cut :])


@given(st.text() | st.builds(make_cursor, st.lists(st.text() | st.integers(-(2**63), 2**63 - 1)), st.just("f")))
def test_any_text_is_a_cursor_or_a_refusal(cursor):
    for reader in (read_cursor, read_place, read_text):
        with suppress(InvalidRequest):
            reader(cursor, "f")


@given(st.binary(), st.binary(max_size=10), st.lists(st.integers(1, 30), max_size=5))
def test_any_bytes_are_an_upload_or_a_refusal(content, mark, cuts):
    begin = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    for body in (content, begin + content + b"\r\n--x--\r\n", begin[: len(mark)] + mark + begin[len(mark) :] + content):
        asyncio.run(take(body, cuts))


async def take(body: bytes, cuts: list[int]) -> None:
    parts = [body[sum(cuts[:n]) : sum(cuts[: n + 1])] for n in range(len(cuts))] + [body[sum(cuts) :]]
    messages = iter(
        [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [{"type": "http.request"}]
    )

    async def receive() -> dict[str, object]:
        return dict(next(messages))

    scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}
    with suppress(Problem):
        async for _part in UploadedFile(Request(scope, receive), most_bytes=1000).content(part_bytes=10):
            pass


@given(st.text() | st.text("0123456789x/.pentris", max_size=40))
@pytest.mark.parametrize("start", ["", "0/", "entries/", "0/" + "x000/" * 1000])
def test_any_text_is_a_tiles_path_or_none(start, path):
    for text in (path, start + path, start + "000"):
        with suppress(TreeError):
            assert isinstance(parse_path(text)[0], Tile)


@given(
    st.text() | st.lists(st.text() | st.sampled_from(["", "origin", "9" * 5000, "1", "A" * 43 + "="])).map("\n".join)
)
def test_any_text_is_a_note_or_none(text):
    for reader in (Note.parse, Checkpoint.parse, VerifierKey.parse):
        with suppress(NoteError):
            reader(text)
