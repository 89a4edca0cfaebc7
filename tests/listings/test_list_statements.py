"""A copy of the list can prove itself: the feed's set, its digest, and a signed statement of it say the same."""

import hashlib
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.notes import Note, NoteError, VerifierKey, verified_checkpoint
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.ledger.statements import HEADER, LIFE
from blacklist_service.listings import stating
from blacklist_service.listings.setdigests import PAGE
from blacklist_service.listings.stating import Lines, Stating
from tests.journeys.test_suspension import RESUMPTION, SUSPENSION, act
from tests.ledger.sealing import begin, sequencer_of
from tests.support import Service, day, row


@pytest.fixture
async def place(dsn: str, tmp_path: Path) -> SealingPlace:
    return await begin(dsn, tmp_path)


@pytest.fixture
async def connection(service: Service) -> AsyncIterator[Connection]:
    async with service.workplace.connected() as found:
        yield found


async def fed(service: Service) -> tuple[int, dict[str, int]]:
    """The version, and the list version of each listing, of the feed's set."""
    response = await service.get("/v1/publication", set="feed")
    assert response.status_code == 200, response.text
    rows = [orjson.loads(line) for line in response.text.splitlines()]
    return int(response.headers["List-Version"]), {one["listing_id"]: one["list_version"] for one in rows}


async def followed(service: Service) -> tuple[dict[str, int], dict[str, Any]]:
    """The same by the changes alone, and the digest that the service gives with them."""
    page = (await service.get("/v1/changes", after=0, limit=500, digest=True)).json()
    held: dict[str, int] = {}
    for change in page["items"]:
        held.pop(change["listing_id"], None)
        if change["listing"] is not None:
            held[change["listing_id"]] = change["version"]
    return held, page["set"]


def digest(held: dict[str, int]) -> str:
    return hashlib.sha256("".join(f"{one} {held[one]}\n" for one in sorted(held)).encode()).hexdigest()


async def sign(service: Service, place: SealingPlace) -> bool:
    sequencer = await sequencer_of(service.workplace.dsn, place)
    try:
        return await sequencer.state_list()
    finally:
        await sequencer.connection.close()


def said(note: Note) -> dict[str, str]:
    header, *lines = note.text.splitlines()
    assert header == HEADER
    return dict(line.split(" ", 1) for line in lines)


async def ids_of(service: Service) -> list[str]:
    return [str(one["id"]) for one in await service.fetch("SELECT id FROM listings ORDER BY id")]


async def test_feed_changes_digest_and_statement_are_of_one_set(
    service: Service, connection: Connection, place: SealingPlace
):
    keeping = Stating(connection)
    await service.load_rows(*(row(name=f"张{number}") for number in range(8)), row(name="丁", grace_until=day(5)))
    assert (await keeping.say()).count == 8
    listed = (await ids_of(service))[:8]
    await act(service, listed[0], "suspension", SUSPENSION)
    await act(service, listed[1], "suspension", SUSPENSION)
    await act(service, listed[1], "resumption", RESUMPTION)
    await act(service, listed[2], "dispute", {"state": "filed", "filed_on": day()})
    await act(service, listed[3], "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    await act(service, listed[4], "extension", {"expires_on": day(900), "decided_on": day(), "reason": "延长"})
    # A term that is over is no longer public, and still in the feed until the calendar's task ends it.
    await connection.execute("UPDATE listings SET expires_on = $2 WHERE id = $1", UUID(listed[5]), datetime(2026, 1, 1))  # noqa: DTZ001
    await service.load_rows(row(name="王"))
    state = await keeping.say()
    version, held = await fed(service)
    by_changes, whole = await followed(service)
    assert held == by_changes
    assert listed[5] in held
    assert listed[5] not in (await service.get("/v1/publication")).text
    assert {listed[0], listed[3]}.isdisjoint(held)
    assert len(held) == 7
    assert await sign(service, place)
    note = (await service.get("/v1/list/statement")).text
    stated = said(Note.parse(note))
    assert (stated["version"], stated["count"], stated["sha256"]) == (str(version), "7", digest(held))
    assert whole == {"count": 7, "sha256": stated["sha256"]}
    assert (state.version, state.count, state.sha256.hex()) == (version, 7, stated["sha256"])


async def test_a_statement_is_the_logs_and_no_checkpoint(service: Service, connection: Connection, place: SealingPlace):
    assert (await service.get("/v1/list/statement")).status_code == 404
    assert not await sign(service, place)
    await Stating(connection).say()
    assert await sign(service, place)
    assert not await sign(service, place), "it is signed once"
    for key in ("agency", "court", "auditor"):
        [vkey] = (await service.get("/v1/ledger/vkey", key=key)).text.splitlines()
        answer = await service.get("/v1/list/statement", key=key)
        note = Note.parse(answer.text)
        assert note.signed_by([VerifierKey.parse(vkey)])
    assert (await service.client.get("/v1/list/statement")).status_code == 401
    stated = said(note)
    assert datetime.fromisoformat(stated["valid_until"]) - datetime.fromisoformat(stated["at"]) == LIFE
    [clock] = await service.fetch("SELECT clock_timestamp() AS now")
    assert timedelta(0) <= clock["now"] - datetime.fromisoformat(stated["at"]) < timedelta(seconds=60)
    with pytest.raises(NoteError):
        verified_checkpoint(note, [VerifierKey.parse(vkey)])
    changed = Note(note.text.replace("count 0", "count 1"), note.signatures)
    with pytest.raises(NoteError):
        changed.signed_by([VerifierKey.parse(vkey)])


async def test_a_statement_is_renewed_though_nothing_changed(
    service: Service, connection: Connection, place: SealingPlace
):
    keeping = Stating(connection)
    first = await keeping.say()
    await keeping.say_if_due()
    assert await connection.fetchval("SELECT at FROM list_states") == first.at, "it is not due yet"
    keeping._said_at -= stating.RENEW_SECONDS
    await keeping.say_if_due()
    assert await connection.fetchval("SELECT at FROM list_states") > first.at
    await service.load_rows(row())
    keeping._said_at -= stating.MOVED_SECONDS
    await keeping.say_if_due()
    assert await connection.fetchval("SELECT count FROM list_states") == 1
    assert await sign(service, place)


async def test_what_was_altered_without_a_version_is_found(service: Service, connection: Connection):
    keeping = Stating(connection)
    await service.load_rows(row(), row())
    before = await keeping.say()
    await connection.execute(
        "UPDATE listings SET is_published = false WHERE id = (SELECT max(id::text)::uuid FROM listings)"
    )
    assert await keeping.say() == before.__class__(before.version, 2, before.sha256, (await latest(connection)))
    keeping._read_at -= stating.WHOLE_SECONDS
    assert (await keeping.say()).count == 1


async def latest(connection: Connection) -> datetime:
    found: datetime = await connection.fetchval("SELECT at FROM list_states")
    return found


async def test_a_load_of_more_than_can_be_followed_is_read_anew(
    service: Service, connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    keeping = Stating(connection)
    await keeping.say()
    monkeypatch.setattr(stating, "MOST_CHANGED", 3)
    await service.load_rows(*(row() for _ in range(5)))
    assert (await keeping.say()).sha256.hex() == digest((await fed(service))[1])


async def test_the_feeds_set_is_no_table(service: Service):
    refused = await service.get("/v1/publication", set="feed", format="csv")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "format")
    by_accept = await service.client.get(
        "/v1/publication", params={"set": "feed"}, headers=service.bearer("agency") | {"Accept": "text/csv"}
    )
    assert by_accept.headers["content-type"] == "application/x-ndjson"


def test_lines_that_follow_changes_are_those_read_anew():
    choose = random.Random(20)
    held: dict[bytes, bytes] = {}
    lines = Lines()
    for version in range(60):
        changed: dict[bytes, bytes | None] = {}
        for _ in range(choose.choice((0, 1, 5, 900, 5 * PAGE) if version < 20 else (1, 700))):
            one = choose.choice(list(held)) if held and choose.random() < 0.5 else str(uuid4()).encode()
            changed[one] = None if choose.random() < 0.4 else b"%s %d\n" % (one, version)
        lines.change(changed)
        held = {one: line for one, line in (held | changed).items() if line is not None}
        assert lines.count() == len(held)
        assert lines.digest() == hashlib.sha256(b"".join(held[one] for one in sorted(held))).digest()
    assert len(held) > 3 * PAGE
    lines.change(dict.fromkeys(held))
    assert (lines.count(), lines.digest()) == (0, hashlib.sha256().digest())
