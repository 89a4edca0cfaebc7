"""Simulations as jobs: requested in the transaction that records the request, run by the worker, or at a terminal by the
person who requested them.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import asyncpg

from blacklist_service.access.principals import Actor
from blacklist_service.audit.jobs import run_next
from blacklist_service.audit.simulation import Tally, open_window, simulate
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, canonical
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.measures.rules import Catalogue
from blacklist_service.secrecy import Secrecy


async def ask_simulation(
    connection: Connection, candidate: Catalogue, *, actor: Actor, secrecy: Secrecy, is_own_work: bool = False
) -> asyncpg.Record:
    """Queue it for the worker; with `is_own_work` the caller runs it itself."""
    at = await database_clock(connection)
    simulation_id = new_id(at)
    document = candidate.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    facts = {"simulation": str(simulation_id), "sha256": hashlib.sha256(canonical(document)).hexdigest()}
    await record(connection, [Entry(Action.MEASURES_SIMULATED, actor, facts=facts)], at=at, secrecy=secrecy)
    row = await connection.fetchrow(
        """
        INSERT INTO simulations (id, member, key_id, operator, request_id, candidate, state, queued_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
        """,
        *(simulation_id, actor.member, actor.key_id, actor.operator, actor.request_id, document),
        *("attended" if is_own_work else "queued", at),
    )
    assert row is not None  # noqa: S101 - RETURNING
    return row


async def simulate_next(connection: Connection, secrecy: Secrecy) -> bool:
    """Run the next simulation."""
    return await run_next(connection, "simulations", run_simulation, secrecy)


async def run_simulation(
    connection: Connection,
    row: asyncpg.Record,
    secrecy: Secrecy,
    tell: Callable[[Tally], object] = lambda _tally: None,
) -> dict[str, Any]:
    """Run it to its end, reporting progress, and store the findings."""
    candidate = Catalogue.model_validate(row["candidate"])
    window = await open_window(connection, await database_clock(connection))
    tally = Tally(window)
    async for tally in simulate(connection, candidate, window, secrecy=secrecy):
        tell(tally)
        await connection.execute("UPDATE simulations SET progress = $2 WHERE id = $1", row["id"], tally.progress)
    result = tally.as_wire()
    await connection.execute(
        "UPDATE simulations SET state = 'done', progress = 1, result = $2, finished_at = clock_timestamp() WHERE id = $1",
        *(row["id"], result),
    )
    return result
