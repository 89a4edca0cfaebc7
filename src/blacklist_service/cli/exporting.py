"""`audit export` and `audit subject-report`: from a terminal, with or without a running service."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from blacklist_service.audit.export_jobs import record_asking
from blacklist_service.audit.exports import BundleSize, make_bundle, wait_for_proof
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.audit.persons import SubjectReport, lift_embargo, report_to_subject, set_embargo
from blacklist_service.audit.schemas import SearchSubjectRequest
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.checks.explanations import ASKED_HERE
from blacklist_service.cli.environment import Workplace, operator, run, stop
from blacklist_service.clock import SHANGHAI, new_id, now
from blacklist_service.database.connections import connect
from blacklist_service.database.sessions import SEALER_ROLE
from blacklist_service.ledger.notes import Proof
from blacklist_service.ledger.sequencer import LOG_LOCK, SETTINGS, Sequencer
from blacklist_service.ledger.signing import SealingPlace

SEALED_WITHIN = timedelta(seconds=30)


def filters_of(given: Mapping[str, Any]) -> EntryFilters:
    """Parse the options; stop with a sentence if one is invalid."""
    try:
        return EntryFilters.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"--{'-'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        stop(wrong.replace("from_", "from").replace("_", "-"))


def export(workplace: Workplace, out: Path, filters: EntryFilters, form: ExportFormat) -> BundleSize:
    """Write the bundle beside `out`, and rename it to `out` when it is complete."""
    temporary = out.with_name(out.name + ".part")

    async def act() -> BundleSize:
        async with workplace.connected() as connection:
            export_id, wanted = new_id(now()), WantedExport(filters, form)
            async with connection.transaction():
                await record_asking(
                    connection,
                    wanted,
                    export_id=export_id,
                    actor=operator(),
                    secrecy=workplace.secrecy,
                    subject=None,
                )
            await seal_waiting(workplace)

            async def prove(entry_id: UUID) -> Proof:
                await seal_waiting(workplace)
                return await wait_for_proof(connection, entry_id, within=SEALED_WITHIN)

            return await make_bundle(
                connection,
                wanted,
                temporary,
                export_id=export_id,
                actor=operator(),
                secrecy=workplace.secrecy,
                prove=prove,
            )

    try:
        made = run(act())
        temporary.replace(out)
    except TimeoutError:
        stop("the log was not sealed in time; see /readyz of the service", status=1)
    finally:
        temporary.unlink(missing_ok=True)
    return made


async def seal_waiting(workplace: Workplace) -> None:
    """Seal waiting entries if no running service does."""
    connection = await connect(
        workplace.sealer_dsn, role=SEALER_ROLE, application_name="blacklist-service cli", **SETTINGS
    )
    try:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOG_LOCK):
            sequencer = await Sequencer.take_up(connection, SealingPlace.of(workplace.settings))
            while await sequencer.seal() or not sequencer.is_looked_over:
                pass
    finally:
        await connection.close()


def report(workplace: Workplace, asked: SearchSubjectRequest, reason: str) -> SubjectReport:
    async def act() -> SubjectReport:
        async with workplace.connected() as connection, connection.transaction():
            return await report_to_subject(
                connection, asked, reason=reason, actor=operator(), secrecy=workplace.secrecy
            )

    return run(act())


def report_json(found: SubjectReport) -> str:
    return json.dumps({"items": [asdict(one) for one in found.askings]}, ensure_ascii=False, default=str)


def report_text(found: SubjectReport) -> str:
    """The report in Chinese, for the person; questions under an embargo are not mentioned."""
    lines = [f"查询记录共 {len(found.askings)} 条(依个人信息保护法第四十五条提供)"]
    words = {"block": "限制", "flag": "提示", "clear": "无记录"}
    lines += [
        f"{one.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}  {one.agency_name or ASKED_HERE}  {one.matter_name}"
        f"  结果:{words[one.decision]}  编号:{one.check_id}"
        for one in found.askings
    ]
    return "\n".join(lines)


def embargo(
    workplace: Workplace,
    asked: SearchSubjectRequest,
    *,
    agency: str | None,
    reference: str | None,
    until: str,
    reason: str,
) -> UUID:
    try:
        day = date.fromisoformat(until)
    except ValueError:
        stop("--until: must be a date such as 2018-04-20")

    async def act() -> UUID:
        async with workplace.connected() as connection, connection.transaction():
            return await set_embargo(
                connection,
                asked,
                agency=agency,
                reference=reference,
                until=day,
                reason=reason,
                actor=operator(),
                secrecy=workplace.secrecy,
            )

    return run(act())


def lift(workplace: Workplace, embargo_id: UUID) -> bool:
    async def act() -> bool:
        async with workplace.connected() as connection, connection.transaction():
            return await lift_embargo(connection, embargo_id, actor=operator(), secrecy=workplace.secrecy)

    return run(act())
