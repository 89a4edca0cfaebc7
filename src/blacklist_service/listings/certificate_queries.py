"""Reads of issued certificates of removal."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.log import find_proof
from blacklist_service.listings.certificates import render
from blacklist_service.secrecy import Cipher, Secrecy


@dataclass(frozen=True, slots=True)
class Certificate:
    certificate_id: UUID
    listing_id: UUID
    number: str
    entry_id: UUID
    statement: dict[str, Any]


async def find_certificate(
    connection: Connection, listing_id: UUID, certificate_id: UUID, *, court_code: str, secrecy: Secrecy
) -> Certificate | None:
    row = await connection.fetchrow(
        "SELECT * FROM removal_certificates WHERE id = $1 AND listing_id = $2 AND court_code = $3",
        *(certificate_id, listing_id, court_code),
    )
    if row is None:
        return None
    statement = orjson.loads(cipher_of(secrecy).open(row["statement"], certificate_id.bytes))
    return Certificate(certificate_id, listing_id, row["number"], row["entry_id"], statement)


async def draw_up(connection: Connection, certificate: Certificate) -> str | None:
    """The page; None until its entry is sealed."""
    proof = await find_proof(connection, certificate.entry_id)
    if proof is None:
        return None
    leaf: bytes = await connection.fetchval("SELECT leaf FROM ledger_entries WHERE id = $1", certificate.entry_id)
    return render(certificate.statement, leaf, proof.content)


def cipher_of(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher("certificates")
