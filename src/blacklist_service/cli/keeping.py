"""`listings` and `imports`: the court's acts from a terminal, by the same operations as over HTTP."""

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.cli.environment import Workplace, operator, run, stop
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings import reading
from blacklist_service.listings.import_queries import counts_of, find_import, list_findings
from blacklist_service.listings.operations.acts import end_listing, publish_listing, resume_listing, suspend_listing
from blacklist_service.listings.operations.carrying_out import Court, Done
from blacklist_service.listings.operations.jobs import confirm_import
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.problems import ImportNotFound, ListingNotFound
from blacklist_service.listings.publish_requests import read_publication
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.rules import RowAction, SuspensionGround
from blacklist_service.listings.schemas import PublishRequest
from blacklist_service.subjects.digests import Digester
from blacklist_service.web.bodies import parse_body


def publish(workplace: Workplace, file: Path) -> dict[str, Any]:
    """Publish the listing in a JSON file, in the form of `POST /v1/listings`."""
    body = parse_body(PublishRequest, file.read_bytes())

    async def act() -> Done:
        async with workplace.connected() as connection, connection.transaction():
            court = await _court(connection, workplace, body.court.code)
            court_name = (await known_courts(connection)).name_of(court.code) or court.code
            content, warnings = read_publication(body, court_name=court_name, today=legal_date(now()))
            return await publish_listing(connection, content, court=court, warnings=warnings)

    return _shown(run(act()))


def end(
    workplace: Workplace,
    listing_id: UUID,
    action: RowAction,
    *,
    ground: str | None,
    decided_on: date,
    reason: str | None,
) -> dict[str, Any]:
    """Delete or withdraw a listing at its current version."""

    async def act() -> Done:
        async with workplace.connected() as connection, connection.transaction():
            version, court = await _standing(connection, workplace, listing_id)
            return await end_listing(
                connection,
                listing_id,
                action,
                expected_version=version,
                ground=ground,
                decided_on=decided_on,
                reason=reason,
                court=court,
            )

    done = run(act())
    touched = [str(check.check_id) for check in done.touched_checks]
    return _shown(done) | ({"touched_checks": touched} if action is RowAction.WITHDRAW else {})


def suspend(
    workplace: Workplace, listing_id: UUID, *, ground: SuspensionGround, decided_on: date, reason: str
) -> dict[str, Any]:
    """Suspend a listing at its current version."""

    async def act() -> Done:
        async with workplace.connected() as connection, connection.transaction():
            version, court = await _standing(connection, workplace, listing_id)
            return await suspend_listing(
                connection,
                listing_id,
                expected_version=version,
                ground=ground,
                decided_on=decided_on,
                reason=reason,
                court=court,
            )

    return _shown(run(act()))


def resume(workplace: Workplace, listing_id: UUID, *, decided_on: date, reason: str) -> dict[str, Any]:
    async def act() -> Done:
        async with workplace.connected() as connection, connection.transaction():
            version, court = await _standing(connection, workplace, listing_id)
            return await resume_listing(
                connection, listing_id, expected_version=version, decided_on=decided_on, reason=reason, court=court
            )

    return _shown(run(act()))


def show(workplace: Workplace, listing_id: UUID) -> dict[str, Any]:
    """A listing as it is now, numbers masked, and its history."""

    async def look() -> dict[str, Any]:
        async with workplace.connected() as connection, connection.transaction():
            row = await reading.find_listing(connection, listing_id)
            if row is None:
                raise ListingNotFound
            versions = await reading.list_versions(connection, listing_id)
            acts = [
                {"version": one["version"], "list_version": one["list_version"], "at": one["at"], "act": one["act"]}
                for one in versions
            ]
            return reading.listing_wire(row, today=legal_date(now())) | {"acts": acts}

    return run(look())


def import_status(workplace: Workplace, import_id: UUID) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        async with workplace.connected() as connection:
            row = await find_import(connection, import_id)
            if row is None:
                raise ImportNotFound
            counts = await counts_of(connection, row)
            fields = ("state", "mode", "progress", "total", "absent", "list_version", "problem")
            fates = {name: getattr(counts, name) for name in counts.__slots__}
            findings, _ = await list_findings(connection, import_id)
            told = {"rows": fates, "findings": [finding.as_json() for finding in findings]}
            return {"import_id": import_id} | {name: row[name] for name in fields} | told

    return run(look())


def confirm(workplace: Workplace, import_id: UUID) -> dict[str, Any]:
    """Confirm a held snapshot as the operator at this terminal, who must not be the one who sent it."""

    async def act() -> None:
        async with workplace.connected() as connection, connection.transaction():
            row = await find_import(connection, import_id)
            if row is None:
                raise ImportNotFound
            actor = operator()
            if row["key_id"] is None and row["operator"] == actor.operator:
                stop("a second person confirms: you are the one who sent this file", status=1)
            await confirm_import(
                connection, import_id, court_code=row["court_code"], actor=actor, secrecy=workplace.secrecy
            )

    run(act())
    return {"import_id": import_id, "state": "queued"}


def as_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


async def _standing(connection: Connection, workplace: Workplace, listing_id: UUID) -> tuple[int, Court]:
    """A listing's current version, and its court."""
    row = await reading.find_listing(connection, listing_id)
    if row is None:
        raise ListingNotFound
    return row["version"], await _court(connection, workplace, row["court_code"])


async def _court(connection: Connection, workplace: Workplace, code: str) -> Court:
    courts = await known_courts(connection)
    code = courts.code_of(code)
    return Court(
        code=code,
        actor=Actor(member=courts.member_of(code), operator=operator().operator),
        secrecy=workplace.secrecy,
        tools=Tools(Digester(workplace.secrecy.digest_key), workplace.secrecy.cipher("listing")),
    )


def _shown(done: Done) -> dict[str, Any]:
    return {
        "listing_id": done.listing_id,
        "version": done.version,
        "list_version": done.list_version,
        "state": done.state.value,
        "warnings": done.warnings,
        "other_listings": list(done.others),
    }
