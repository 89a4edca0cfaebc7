"""Roles in the embedded database: who may log in, and what each may do."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from blacklist_service.cli.environment import Workplace, bring_up, prepared
from blacklist_service.database.addresses import with_login
from blacklist_service.database.connections import connect
from blacklist_service.database.duties import SEALER_LOGIN, powers_of, scram_verifier
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.database.sessions import SEALER_ROLE, UnfitSession
from blacklist_service.ledger.tasks import attach_months
from blacklist_service.settings import Settings
from tests.conftest import SECRECY

Embedded = tuple[EmbeddedPostgres, Workplace]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    home = tmp_path_factory.mktemp("embedded")
    database = EmbeddedPostgres(home)
    database.start()
    yield database, prepared(Settings(data_dir=home), database.dsn)
    database.stop()


@pytest.mark.parametrize("door", ["dsn", "sealer_dsn", "owner_dsn"])
async def test_no_login_can_run_programs_or_become_another(embedded: Embedded, door: str):
    connection = await asyncpg.connect(getattr(embedded[1], door))
    try:
        for forbidden in (
            "SET ROLE NONE; COPY (SELECT 1) TO PROGRAM 'true'",
            "RESET ROLE; COPY (SELECT 1) TO '/tmp/never'",
            "SET ROLE blacklist",
            "SET SESSION AUTHORIZATION blacklist",
            "CREATE ROLE another",
            "ALTER ROLE blacklist_service SUPERUSER",
            "ALTER SYSTEM SET fsync = off",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()


async def test_what_serves_owns_nothing_and_neither_duty_can_take_up_the_other(embedded: Embedded):
    workplace = embedded[1]
    connection = await connect(workplace.dsn)
    try:
        for login in ("blacklist_service", "blacklist_sealing", "blacklist_app", "blacklist_sealer"):
            assert (await powers_of(connection, login)).excess is None
    finally:
        await connection.close()
    with pytest.raises(UnfitSession, match="may not act as blacklist_sealer"):
        await connect(workplace.dsn, role=SEALER_ROLE)
    with pytest.raises(UnfitSession, match="may not act as blacklist_app"):
        await connect(with_login(workplace.dsn, SEALER_LOGIN))


async def test_sealing_is_the_sealers_alone(embedded: Embedded):
    application = await connect(embedded[1].dsn)
    sealer = await connect(embedded[1].sealer_dsn, role=SEALER_ROLE)
    try:
        for statement in ("DELETE FROM ledger_pending", "INSERT INTO ledger_leaves DEFAULT VALUES"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await application.execute(statement)
        await sealer.execute("DELETE FROM ledger_pending WHERE false")
        for statement in ("DELETE FROM ledger_entries", "DELETE FROM ledger_leaves", "TABLE listings"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await sealer.execute(statement)
    finally:
        await application.close()
        await sealer.close()


async def test_months_are_attached_by_what_owns_no_table(embedded: Embedded):
    owner = await connect(embedded[1].owner_dsn, role=None)
    try:
        last = await owner.fetchval("SELECT to_char(now() + interval '12 months', 'YYYY_MM')")
        await owner.execute(f"DROP TABLE ledger_secrets_{last}")
        await attach_months(embedded[1].dsn)
        assert await owner.fetchval("SELECT to_regclass($1) IS NOT NULL", f"ledger_secrets_{last}")
    finally:
        await owner.close()


ENTER = """
import socket, struct, sys
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[1])
ask = struct.pack("!i", 196608) + b"user\\0blacklist\\0database\\0blacklist\\0\\0"
door.sendall(struct.pack("!i", len(ask) + 4) + ask)
sys.stdout.buffer.write(door.recv(4096))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can be another user")
def test_a_stranger_who_runs_as_the_servers_own_user_does_not_get_in(embedded: Embedded):
    root = embedded[0].data_dir
    account = (root / "postgres").stat()
    for folder in (root, *root.parents):
        if folder.stat().st_uid == 0 and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o111)
    done = subprocess.run(
        ["/usr/bin/python3", "-c", ENTER, str(root / "run" / ".s.PGSQL.5432")],
        user=account.st_uid,
        group=account.st_gid,
        extra_groups=(),
        capture_output=True,
        check=False,
        cwd="/",
    )
    assert b"Peer authentication failed" in done.stdout, done.stderr


async def test_an_upgrade_takes_sealing_away_when_nothing_is_left_to_migrate(dsn: str):
    owner = await connect(dsn, role=None)
    await owner.execute("GRANT DELETE ON ledger_pending TO blacklist_app")
    await owner.close()
    await bring_up(dsn, SECRECY)
    application = await connect(dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await application.execute("DELETE FROM ledger_pending")
    finally:
        await application.close()


async def test_a_password_is_sent_as_what_is_kept_of_it(dsn: str):
    verifier = scram_verifier("秘 密")
    owner = await connect(dsn, role=None)
    try:
        await owner.execute(f"CREATE ROLE of_a_test PASSWORD '{verifier}'")
        kept = await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'of_a_test'")
        assert kept == verifier
        await owner.execute("DROP ROLE of_a_test")
    finally:
        await owner.close()
