"""36 plausible units of Guandu (domain §2.6) as sample data: the official list was not found."""

import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.members import queries
from blacklist_service.members.changes import allow_matters, change_contacts, rename_member, succeed_member
from blacklist_service.members.operations import add_member
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy


def sample_units() -> list[dict[str, Any]]:
    document = tomllib.loads(files("blacklist_service.members").joinpath("data/guandu.toml").read_text("utf-8"))
    units: list[dict[str, Any]] = document["units"]
    return units


async def load_sample(connection: Connection, *, actor: Actor, secrecy: Secrecy) -> int:
    """Add the sample units with contacts, names over time, successors and matters; return how many were new.

    Running it again changes nothing. A unit that already exists under its code keeps its particulars.
    """
    known_matters = set(await queries.list_matters(connection))
    by: dict[str, Any] = {"actor": actor, "secrecy": secrecy}
    added = 0
    for unit in sample_units():
        code = unit["code"]
        if await queries.find_member(connection, code) is not None:
            continue
        kind, court_code = MemberKind(unit.get("kind", "agency")), unit.get("court_code")
        added += await add_member(connection, code=code, name=unit["name"], kind=kind, court_code=court_code, **by)
        for renamed in unit.get("names", ()):
            await rename_member(connection, code, name=renamed["name"], since=renamed["from"], **by)
        contacts = {
            "responsible_leader": f"样例负责人（{unit['short']}）",
            "department": unit.get("department", "办公室"),
            "liaison": f"样例联络员（{unit['short']}）",
            "phone": "0871-00000000",
        }
        await change_contacts(connection, code, contacts, **by)
        if kind is MemberKind.AGENCY:
            await allow_matters(connection, code, sorted(known_matters.intersection(unit.get("matters", ()))), **by)
    for unit in sample_units():
        if successor := unit.get("successor"):
            on: date = unit["succeeded_on"]
            await succeed_member(connection, unit["code"], successor=successor, on=on, **by)
    return added
