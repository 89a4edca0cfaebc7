"""What a check is measured against: endpoints that answer a constant, and the naive way. Served by uvicorn as `rivals:bare`,
`rivals:typed`, `rivals:naive`.

The bare one reads nothing; the typed one has its body read and validated, as any endpoint that looks at it must, and does
nothing with it: what the framework itself costs. The naive one does what a first version does: a typed body, one SELECT
and one INSERT in a transaction for each request, from a pool, on the same PostgreSQL with fsync on; no digests, no
identity rules, no measures, no versions, no sealing.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel

CONSTANT: dict[str, object] = {
    "check_id": "0197c9a5-7c00-7000-8000-000000000002",
    "decision": "clear",
    "warnings": [],
    "subjects": [],
}

bare = FastAPI()
typed = FastAPI()


@bare.post("/v1/checks")
async def constant() -> dict[str, object]:
    return CONSTANT


class Identifier(BaseModel):
    type: str
    number: str


class Subject(BaseModel):
    role: str
    kind: str
    name: str
    identifier: Identifier | None = None


class Check(BaseModel):
    matter: str
    reference: str
    operator: str | None = None
    subjects: list[Subject]


@typed.post("/v1/checks")
async def read(body: Check) -> dict[str, object]:  # noqa: ARG001 - to be read is all it is for
    return CONSTANT


@asynccontextmanager
async def _pool(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["NAIVE_DSN"], min_size=2, max_size=20) as pool:
        app.state.pool = pool
        yield


naive = FastAPI(lifespan=_pool)

MAKE_NAIVE = """
CREATE TABLE IF NOT EXISTS naive_list (number text PRIMARY KEY, name text NOT NULL, case_number text NOT NULL);
CREATE TABLE IF NOT EXISTS naive_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL
    DEFAULT now(), matter text NOT NULL, reference text NOT NULL, operator text, number text, decision text NOT NULL);
"""


@naive.post("/v1/checks")
async def check(body: Check) -> dict[str, object]:
    number = body.subjects[0].identifier.number if body.subjects[0].identifier else None
    async with naive.state.pool.acquire() as connection, connection.transaction():
        found = await connection.fetchrow("SELECT name, case_number FROM naive_list WHERE number = $1", number)
        decision = "block" if found and found["name"] == body.subjects[0].name else "clear"
        row = await connection.fetchrow(
            "INSERT INTO naive_log (matter, reference, operator, number, decision) VALUES ($1, $2, $3, $4, $5)"
            " RETURNING id, at",
            *(body.matter, body.reference, body.operator, number, decision),
        )
    return {"check_id": row["id"], "decision": decision, "checked_at": row["at"], "listing": found and dict(found)}
