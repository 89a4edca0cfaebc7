"""`audit` and `keys rotate-signing`: the log's keys, anchor, witnesses and retention."""

import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from blacklist_service.cli import witnessing
from blacklist_service.cli.asking import NOT_REACHED, AddressRefusedError, ServiceAddress
from blacklist_service.cli.environment import Workplace, operator, refusing, run, stop
from blacklist_service.database.connections import connect
from blacklist_service.database.restarts import restart_versions
from blacklist_service.ledger.log_acts import adopt_anchor, rotate_key
from blacklist_service.ledger.new_log import begin_new_log
from blacklist_service.ledger.notes import Note, NoteError, VerifierKey
from blacklist_service.ledger.retention import erase_month
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.ledger.successions import Succession
from blacklist_service.ledger.witnesses import add_witness


def rotate(workplace: Workplace) -> str:
    async def act() -> str:
        async with workplace.connected() as connection, connection.transaction():
            place = SealingPlace.of(workplace.settings)
            key = await rotate_key(connection, place, actor=operator(), secrecy=workplace.secrecy)
            return key.text

    return run(act())


def adopt(workplace: Workplace) -> int:
    async def act() -> int:
        async with workplace.connected() as connection, connection.transaction():
            place = SealingPlace.of(workplace.settings)
            adopted = await adopt_anchor(connection, place, actor=operator(), secrecy=workplace.secrecy)
            await restart_versions(connection)
            return adopted.size

    return run(act())


def begin_anew(workplace: Workplace, seen: Sequence[Path], reason: str) -> Succession:
    """Runs as the database's owner: the login that serves cannot end a log."""

    async def act() -> Succession:
        owner = await connect(workplace.owner_dsn, role=None, application_name="blacklist-service new-log")
        try:
            place = SealingPlace.of(workplace.settings)
            return await begin_new_log(
                owner, place, seen=notes, reason=reason, actor=operator(), secrecy=workplace.secrecy
            )
        finally:
            await owner.close()

    notes = [_note_in(path) for path in seen]
    return run(act())


def _note_in(path: Path) -> Note:
    try:
        return Note.parse(path.read_text("utf-8"))
    except (NoteError, UnicodeDecodeError):
        stop(f"{path} holds no checkpoint")


def add_witness_key(workplace: Workplace, vkey: str) -> bool:
    async def act() -> bool:
        async with workplace.connected() as connection, connection.transaction():
            return await add_witness(connection, vkey, actor=operator(), secrecy=workplace.secrecy)

    return run(act())


def erase(workplace: Workplace, month: date, min_age_months: int) -> tuple[int, int]:
    """The dead rows that hold the erased content are vacuumed at once; copies in backups are the operator's to destroy."""

    async def act() -> tuple[int, int]:
        owner = await connect(workplace.owner_dsn, role=None, application_name="blacklist-service retention")
        try:
            async with owner.transaction():
                erased = await erase_month(
                    owner, month, min_age_months=min_age_months, actor=operator(), secrecy=workplace.secrecy
                )
            await owner.execute(f"VACUUM ledger_entries_{month:%Y_%m}")
            return erased
        finally:
            await owner.close()

    return run(act())


def follow(
    url: str,
    *,
    vkey_file: Path,
    key_file: Path,
    state: Path,
    name: str,
    every_seconds: float,
    onto: str,
    proxy: str = "",
) -> None:
    """Follow as the auditor whose API key is in BLACKLIST_API_KEY."""
    api_key, seconds, most = os.environ.get("BLACKLIST_API_KEY", ""), witnessing.TIMEOUT_SECONDS, witnessing.MOST_BYTES
    try:
        service = ServiceAddress(url, api_key, proxy=proxy, timeout_seconds=seconds, most_bytes=most)
    except AddressRefusedError as error:
        stop(str(error))
    with refusing():
        private = witnessing.load_private(key_file)
    try:
        keys = tuple(VerifierKey.parse(line) for line in vkey_file.read_text("utf-8").splitlines() if line.strip())
        witness = witnessing.Witness(name, private, keys, state)
        print(witness.key.text, file=sys.stderr)
    except NoteError as error:
        stop(str(error))
    try:
        if onto:
            witness = witness.onto(onto, witnessing.fetch_from(service))
        witnessing.witness_for_ever(
            witness, service, every_seconds=every_seconds, say=lambda line: print(line, flush=True)
        )
    except witnessing.WitnessRefusedError as error:
        stop(str(error), status=1)
    except NOT_REACHED as error:
        stop(f"the service was not reached: {error}")
