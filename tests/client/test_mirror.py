"""The mirror: a copy of the list that verifies itself, follows the feed, expires, and is refused if it is not what was
signed.
"""

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_client import AsyncBlacklist, Blacklist, Hold, SubjectRole, organisation, person
from blacklist_client import Unverified as NotProved
from blacklist_client.copies import only_writer
from blacklist_client.mirror import Mirror
from blacklist_client.subjects import names as names_of_client
from blacklist_service.database.connections import connect
from blacklist_service.database.restarts import STRIDE, restart_versions
from blacklist_service.ledger.notes import Note, VerifierKey, public_of, sign
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.listings.stating import Stating
from blacklist_service.subjects import names as names_of_service
from tests.journeys.test_suspension import RESUMPTION, SUSPENSION, act
from tests.ledger.sealing import begin, sequencer_of
from tests.support import Service, day, listening, resident_id, row

ZHANG, LI = resident_id(11), resident_id(12)


@dataclass
class World:
    """A service on a real port, its statements on demand, and an office that keeps a copy of its list."""

    service: Service
    place: SealingPlace
    port: int
    vkey: str
    path: Path
    late: timedelta = field(default_factory=timedelta)
    made: list[tuple[Mirror, Blacklist]] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.late

    def mirror(self, *, vkey: str | None = None) -> Mirror:
        service = Blacklist(f"http://127.0.0.1:{self.port}", self.service.keys["agency"])
        mirror = Mirror(self.path, vkey=vkey or self.vkey, service=service, now=self.now)
        self.made.append((mirror, service))
        return mirror

    def close(self) -> None:
        for mirror, service in self.made:
            mirror.close()
            service.close()

    async def state(self) -> None:
        """As the worker and the sealer do each minute."""
        async with self.service.workplace.connected() as connection:
            await Stating(connection).say()
        sequencer = await sequencer_of(self.service.workplace.dsn, self.place)
        try:
            assert await sequencer.state_list()
        finally:
            await sequencer.connection.close()

    async def refresh(self, mirror: Mirror) -> bool:
        return await asyncio.to_thread(mirror.refresh)


@pytest.fixture
async def world(service: Service, dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    place = await begin(dsn, tmp_path)
    await service.load_rows(
        row(name="张三", identifier_number=ZHANG),
        row(name="无号", identifier_number=None, identifier_type=None),
        row(name="某建设有限公司", kind="organisation", identifier_type="uscc", identifier_number="91530111MA6K5LA05X"),
    )
    vkey = (await service.get("/v1/ledger/vkey")).text
    async with listening(service) as port:
        world = World(service, place, port, vkey, tmp_path / "copy" / "list.mirror")
        await world.state()
        yield world
        world.close()


def said(mirror: Mirror, name: str, number: str | None = None) -> str:
    [advice] = mirror.advise([person(name, resident_id=number)])
    return advice.seen


async def listing_of(world: World, name: str) -> str:
    [found] = await world.service.fetch("SELECT id FROM listings WHERE debtor_name = $1", name)
    return str(found["id"])


async def test_it_says_who_is_probably_listed_and_who_was_not_seen(world: World):
    mirror = world.mirror()
    assert said(mirror, "张三", ZHANG) == "unknown", "there is no copy yet"
    assert await world.refresh(mirror)
    company = organisation("某建设有限公司", role=SubjectRole.BIDDER)
    asked = [person("张三", resident_id=ZHANG), person("张三"), person("张三", resident_id=LI), person("李四"), company]
    found = mirror.advise([*asked, person("无号", resident_id=LI), person("张?")])
    listed, unseen = "probably_listed", "not_seen"
    assert [one.seen for one in found] == [listed, listed, unseen, unseen, listed, listed, "unknown"]
    [version] = await world.service.fetch("SELECT version FROM heads WHERE name = 'list'")
    assert {one.list_version for one in found} == {version["version"]}
    assert all(one.age_seconds is not None and 0 <= one.age_seconds < 60 for one in found)
    with pytest.raises(TypeError):
        bool(found[0])


async def test_a_name_that_cannot_be_compared_is_found_by_what_is_shown_of_the_number(world: World):
    await world.service.load_rows(row(name="王?", identifier_number=LI))
    await world.state()
    mirror = world.mirror()
    await world.refresh(mirror)
    assert [said(mirror, "王莹", LI), said(mirror, "王莹"), said(mirror, "王莹", ZHANG)] == [
        "probably_listed",
        "not_seen",
        "not_seen",
    ]


async def test_it_follows_every_change_to_the_statements_version(world: World):
    mirror = world.mirror()
    await world.refresh(mirror)
    listing = await listing_of(world, "张三")
    seen = []
    for name, body in (("suspension", SUSPENSION), ("resumption", RESUMPTION)):
        await act(world.service, listing, name, body)
        await world.refresh(mirror)
        seen.append(said(mirror, "张三", ZHANG))
        await world.state()
        await world.refresh(mirror)
        seen.append(said(mirror, "张三", ZHANG))
    assert seen == ["probably_listed", "not_seen", "not_seen", "probably_listed"], "never ahead of what is signed"
    await act(world.service, listing, "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    await world.service.load_rows(*(row(name=f"赵{number}") for number in range(450)))
    await world.state()
    await world.refresh(mirror)
    assert [said(mirror, "张三", ZHANG), said(mirror, "赵449")] == ["not_seen", "probably_listed"]
    assert mirror.require_good().count == 452


async def test_a_listing_whose_term_is_over_is_nobodys(world: World):
    owner = await connect(world.service.workplace.dsn, role=None)
    await owner.execute('UPDATE listing_versions SET document = document || \'{"expires_on": "2020-01-01"}\'')
    await owner.execute("UPDATE listings SET expires_on = '2020-01-01'")
    await owner.close()
    mirror = world.mirror()
    await world.refresh(mirror)
    assert mirror.require_good().count == 3, "the feed has them until the calendar's task ends them"
    assert said(mirror, "张三", ZHANG) == "not_seen"


async def test_advice_expires_both_ways(world: World):
    mirror = world.mirror()
    await world.refresh(mirror)
    answers = {}
    for minutes in (14, 16, 60 * 24 - 1, 60 * 24 + 1, -10):
        world.late = timedelta(minutes=minutes)
        answers[minutes] = (said(mirror, "张三", ZHANG), said(mirror, "李四"))
    listed = "probably_listed"
    assert answers == {
        14: (listed, "not_seen"),
        16: (listed, "unknown"),
        1439: (listed, "unknown"),
        1441: ("unknown", "unknown"),
        -10: ("unknown", "unknown"),  # this machine's clock is wrong
    }


async def test_a_hold_bears_advice_and_no_decision(world: World):
    mirror = world.mirror()
    await world.refresh(mirror)
    async with AsyncBlacklist("http://127.0.0.1:9", "sxd_test_x", adviser=mirror) as office:
        held = await office.check(
            "civil_service_recruitment", reference="1", subjects=[person("张三", resident_id=ZHANG)]
        )
    assert isinstance(held, Hold)
    assert [one.seen for one in held.advice] == ["probably_listed"]
    assert not hasattr(held, "decision")


def alter(sql: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(sql)
        connection.close()

    return change


def overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : len(content)] = random.Random(1).randbytes(len(content) - 4096)
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a listing is missing": alter("DELETE FROM listings WHERE name_key = '张三'"),
    "a version is another": alter("UPDATE listings SET list_version = list_version + 1"),
    "the cursor is ahead": alter("UPDATE meta SET list_version = list_version + 1"),
    "the statement is another": alter("UPDATE meta SET statement = replace(statement, 'count 3', 'count 2')"),
    "it was never finished": alter("UPDATE meta SET statement = NULL"),
    "another form": alter("UPDATE meta SET format = 2"),
    "pages are overwritten": overwrite,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "empty": lambda path: path.write_bytes(b""),
    "no database": lambda path: path.write_bytes(b"no" * 5000),
}


async def test_a_damaged_copy_is_refused_and_laid_in_anew(world: World):
    for name, damage in DAMAGES.items():
        await world.refresh(world.mirror())
        damage(world.path)
        mirror = world.mirror()
        assert said(mirror, "张三", ZHANG) == said(mirror, "李四") == "unknown", name
        with pytest.raises(NotProved):
            mirror.require_good()
        await world.refresh(mirror)
        assert (said(mirror, "张三", ZHANG), said(mirror, "李四")) == ("probably_listed", "not_seen"), name


async def test_what_goes_wrong_in_a_copy_that_is_in_use_is_found_within_the_hour(world: World):
    mirror = world.mirror()
    await world.refresh(mirror)
    await world.refresh(mirror)
    assert said(mirror, "张三", ZHANG) == "probably_listed"  # it is open now, to be written and to be read
    alter("DELETE FROM listings WHERE name_key = '张三'")(world.path)
    await world.refresh(mirror)
    assert said(mirror, "张三", ZHANG) == "not_seen"
    before = world.path.stat().st_ino
    alter("UPDATE meta SET verified_at = '2026-01-01T00:00:00+00:00'")(world.path)
    await world.refresh(mirror)
    assert said(mirror, "张三", ZHANG) == "probably_listed"
    assert world.path.stat().st_ino != before


async def test_a_frozen_service_is_found_out(world: World):
    mirror = world.mirror()
    await world.refresh(mirror)
    content = world.path.read_bytes()
    world.late = timedelta(minutes=61)
    with pytest.raises(NotProved, match="too old"):
        await world.refresh(mirror)
    assert world.path.read_bytes() == content
    world.late = timedelta(minutes=-6)
    with pytest.raises(NotProved, match="future"):
        await world.refresh(mirror)


async def test_a_statement_of_another_key_is_none(world: World):
    stranger = Ed25519PrivateKey.generate()
    name = world.vkey.split("+")[0]
    key = VerifierKey(name, public_of(stranger))
    with pytest.raises(NotProved, match="not signed"):
        await world.refresh(world.mirror(vkey=key.text))
    [held] = await world.service.fetch("SELECT note FROM list_statements")
    text = Note.parse(held["note"]).text.replace("count 3", "count 0")
    owner = await connect(world.service.workplace.dsn, role=None)
    await owner.execute("UPDATE list_statements SET note = $1", Note(text, (sign(text, key, stranger),)).content)
    await owner.close()
    with pytest.raises(NotProved):
        await world.refresh(world.mirror())
    assert not world.path.exists()


async def test_a_copy_that_was_put_back_is_refused(world: World, tmp_path: Path):
    mirror = world.mirror()
    await world.refresh(mirror)
    shutil.copy(world.path, tmp_path / "old")
    await asyncio.sleep(1.1)  # statements are to the second
    await world.service.load_rows(row(name="李四", identifier_number=LI))
    await world.state()
    await world.refresh(mirror)
    shutil.copy(tmp_path / "old", tmp_path / "again")
    (tmp_path / "again").replace(world.path)
    assert said(mirror, "李四", LI) == said(mirror, "张三", ZHANG) == "unknown"
    with pytest.raises(NotProved, match="older"):
        world.mirror().require_good()
    await world.refresh(mirror)
    assert said(mirror, "李四", LI) == "probably_listed"


async def test_a_service_that_was_put_back_is_refused(world: World):
    [old] = await world.service.fetch("SELECT at, note FROM list_statements")
    mirror = world.mirror()
    await asyncio.sleep(1.1)
    await world.service.load_rows(row(name="李四", identifier_number=LI))
    await world.state()
    await world.refresh(mirror)
    owner = await connect(world.service.workplace.dsn, role=None)
    await owner.execute("UPDATE list_statements SET note = $1, at = $2", old["note"], old["at"])
    await owner.close()
    for one in (mirror, world.mirror()):
        with pytest.raises(NotProved, match="older"):
            await world.refresh(one)
    assert said(mirror, "李四", LI) == "probably_listed"


async def test_after_a_restore_of_the_service_the_list_is_laid_in_anew(world: World):
    mirror = world.mirror()
    await world.service.load_rows(row(name="李四", identifier_number=LI))
    await world.state()
    await world.refresh(mirror)
    owner = await connect(world.service.workplace.dsn, role=None)
    async with owner.transaction():
        # As a backup of before: the change is not known there, and neither is its version.
        await owner.execute("DELETE FROM listing_versions WHERE list_version = 4")
        await owner.execute("DELETE FROM listings WHERE list_version = 4")
        await owner.execute("UPDATE heads SET version = 3 WHERE name = 'list'")
        await restart_versions(owner)
    await owner.close()
    await asyncio.sleep(1.1)
    await world.state()
    before = world.path.stat().st_ino
    await world.refresh(mirror)
    assert world.path.stat().st_ino != before
    assert said(mirror, "李四", LI) == "not_seen"
    assert mirror.require_good().version == STRIDE


async def test_one_process_keeps_it_and_others_read(world: World):
    mirror = world.mirror()
    await world.refresh(mirror)
    with only_writer(world.path) as is_mine:
        assert is_mine
        assert not await world.refresh(mirror)
    reader = Mirror(world.path, vkey=world.vkey, now=world.now)
    assert said(reader, "张三", ZHANG) == "probably_listed"
    await act(world.service, await listing_of(world, "张三"), "suspension", SUSPENSION)
    await world.state()
    assert await world.refresh(mirror)
    assert said(reader, "张三", ZHANG) == "not_seen"
    with pytest.raises(ValueError, match="given a service"):
        reader.refresh()


async def test_kept_in_a_thread_it_goes_on_whatever_happens(world: World):
    mirror, stopping = world.mirror(), threading.Event()
    keeper = threading.Thread(target=mirror.keep, args=(stopping,), kwargs={"every_seconds": 0.05}, daemon=True)
    keeper.start()
    try:
        await until(lambda: said(mirror, "张三", ZHANG) == "probably_listed")
        world.path.write_bytes(b"")
        await until(lambda: said(mirror, "张三", ZHANG) == "probably_listed")
    finally:
        stopping.set()
        await asyncio.to_thread(keeper.join)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to that")


KEEPER = """
import sys
import time
from pathlib import Path
from blacklist_client import Blacklist
from blacklist_client.mirror import Mirror
url, key, vkey, path = sys.argv[1:]
mirror = Mirror(Path(path), vkey=vkey, service=Blacklist(url, key))
while True:
    try:
        mirror.refresh()
        print("kept", flush=True)
        time.sleep(0.01)
    except Exception as error:
        print(error, flush=True)
"""


async def test_killed_at_any_moment_it_leaves_the_last_proved_copy(world: World):
    command = (sys.executable, "-c", KEEPER, f"http://127.0.0.1:{world.port}", world.service.keys["agency"])
    choose = random.Random(7)
    newest = 0
    for kill in range(3):
        keeper = await asyncio.create_subprocess_exec(
            *command, world.vkey, str(world.path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert keeper.stdout is not None
        await keeper.stdout.readline()
        if kill % 3 == 2:
            world.path.write_bytes(b"")  # it is laid in anew
        for number in range(2):
            await world.service.load_rows(*(row(name=f"赵{kill}{number}{one}") for one in range(20)))
            await world.state()
            await asyncio.sleep(choose.uniform(0, 0.05))
        keeper.send_signal(signal.SIGKILL)
        await keeper.wait()
        try:
            version = Mirror(world.path, vkey=world.vkey).require_good().version
        except NotProved:
            assert kill % 3 == 2
            version = newest
        assert version >= newest
        newest = version
    mirror = world.mirror()
    await world.refresh(mirror)
    assert mirror.require_good().count == 3 + 3 * 2 * 20
    assert said(mirror, "赵2119") == "probably_listed"


STRANGE: list[Any] = [
    *(
        "张三",
        "阿不都·热合曼",
        "阿不都.热合曼",
        "SMITH, John-Paul",
        "⼀⼆",
        "昆明某某有限公司(曾用名:某厂)",
        "王?",
        "𠮷田",
    ),
    *("（某）公司", "ﬁsh", "张 三", "张\u200b三", "\ue815", "徐(莹加王旁)", "Ⅹ", "锟斤拷"),
]


@pytest.mark.parametrize("name", STRANGE)
def test_names_are_compared_as_the_service_compares_them(name: str):
    for kind in ("person", "organisation"):
        ours, theirs = (
            (
                module.comparison_key(module.SubjectKind(kind), name),
                module.is_suspect_name(module.SubjectKind(kind), name),
            )
            for module in (names_of_client, names_of_service)
        )
        assert ours == theirs
