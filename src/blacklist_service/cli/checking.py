"""`check`: one question from the command line, answered on the same path as all others."""

import asyncio

import orjson

from blacklist_service.checks.asks import Answer, Ask, Asker
from blacklist_service.checks.batcher import Batcher
from blacklist_service.cli.environment import Workplace, operator, run
from blacklist_service.clock import legal_date, now
from blacklist_service.measures.rules import SubjectRole
from blacklist_service.subjects.identifiers import IdentifierQuality, IdentifierType, SubjectKind, read_identifier

PATIENCE_SECONDS = 5.0

__all__ = ["SubjectKind", "SubjectRole", "check"]


def check(
    workplace: Workplace,
    *,
    matter: str,
    name: str,
    number: str | None,
    kind: SubjectKind,
    role: SubjectRole,
    reference: str,
) -> str:
    """Return the answer as indented JSON; raise the `Problem` if the check is refused."""
    identifier = {"type": _type_of(kind, number), "number": number} if number else None
    subject = {"role": role, "kind": kind, "name": name, "identifier": identifier}
    body = orjson.dumps({"matter": matter, "reference": reference, "subjects": [subject]})
    return run(_ask(workplace, body))


async def _ask(workplace: Workplace, body: bytes) -> str:
    loop = asyncio.get_running_loop()
    batcher = Batcher(workplace.dsn, secrecy=workplace.secrecy, lanes=1, queue=1)
    batcher.start()
    try:
        asker = Asker(None, operator=operator().operator)
        answered: asyncio.Future[Answer] = loop.create_future()
        batcher.ask(Ask(asker, body, loop.time() + PATIENCE_SECONDS, answered))
        answer = await answered
    finally:
        await batcher.stop()
    return orjson.dumps(orjson.loads(answer.content), option=orjson.OPT_INDENT_2).decode()


def _type_of(kind: SubjectKind, number: str) -> IdentifierType:
    if kind is SubjectKind.PERSON:
        return IdentifierType.RESIDENT_ID
    read = read_identifier(kind, None, number, today=legal_date(now()))
    return read.type if read and read.quality is not IdentifierQuality.UNUSABLE else IdentifierType.USCC
