"""Searches of the ledger that depend on the given filters. `database/statements.py` explains when this is loaded."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from blacklist_service.audit.filters import FILTERS
from blacklist_service.database.tables import Instant, word
from blacklist_service.ledger.models import ledger_entries, ledger_leaves, ledger_subjects

CONDITIONS = {one.field: one.compares for one in FILTERS}

DIGESTS = bindparam("digests", type_=ARRAY(LargeBinary))


def page_of_entries(given: Collection[str], *, is_about_subject: bool) -> Select[Any]:
    """Entries before a position, newest first, each with its subjects and its index in the log."""
    source = _about_subject() if is_about_subject else ledger_entries.alias("e")
    position = tuple_(bindparam("before_at", type_=Instant), bindparam("before_id", type_=Uuid))
    entry = (
        select(source)
        .where(tuple_(source.c.at, source.c.id) < position, *_conditions(source, given))
        .order_by(source.c.at.desc(), source.c.id.desc())
        .limit(bindparam("limit", type_=Integer))
        .subquery("e")
    )
    leaf, subject = ledger_leaves.alias("leaf"), ledger_subjects.alias("s")
    shown = func.jsonb_build_object(
        *(word("role"), subject.c.role),
        *(word("name_masked"), subject.c.name_masked),
        *(word("identifier_masked"), subject.c.identifier_masked),
    )
    subjects = (
        select(func.jsonb_agg(aggregate_order_by(shown, subject.c.ordinal)).label("listed"))
        .where(subject.c.at == entry.c.at, subject.c.entry_id == entry.c.id)
        .lateral("subjects")
    )
    refused_as = literal_column("convert_from(e.leaf, 'UTF8')::jsonb->'facts'->>'code'", Text)
    return (
        select(
            *entry.c,
            case((entry.c.action == word("refused"), refused_as)).label("refused_as"),
            leaf.c.idx.label("leaf_index"),
            subjects.c.listed.label("subjects"),
        )
        .select_from(entry.outerjoin(leaf, leaf.c.entry_id == entry.c.id).outerjoin(subjects, true()))
        .order_by(entry.c.at.desc(), entry.c.id.desc())
    )


def leaf_indices(given: Collection[str], *, is_about_subject: bool) -> Select[Any]:
    """The indices, in a log of `size` leaves, of the entries that match the filters."""
    source = _about_subject() if is_about_subject else ledger_entries.alias("e")
    leaf = ledger_leaves.alias("l")
    return (
        select(leaf.c.idx)
        .select_from(source.join(leaf, leaf.c.entry_id == source.c.id))
        .where(leaf.c.idx < bindparam("size"), *_conditions(source, given))
    )


def entries_of_leaves(given: Collection[str], *, is_about_subject: bool) -> Select[Any]:
    """The entries of the leaves from `first` to before `end`, in order, each with whether it matches the filters."""
    leaf = ledger_leaves.alias("l")
    entry = _entry_at(leaf.c.at, leaf.c.entry_id, "e")
    conditions = _conditions(entry, given)
    if is_about_subject:
        subject = ledger_subjects.alias("s")
        conditions.append(
            exists().where(
                subject.c.at == entry.c.at, subject.c.entry_id == entry.c.id, subject.c.digest == any_(DIGESTS)
            )
        )
    return (
        select(leaf.c.idx, *entry.c, func.coalesce(and_(true(), *conditions), false()).label("is_wanted"))
        .select_from(leaf.join(entry, true()))
        .where(leaf.c.idx >= bindparam("first"), leaf.c.idx < bindparam("end"))
        .order_by(leaf.c.idx)
    )


def _conditions(entry: FromClause, given: Collection[str]) -> list[ColumnElement[bool]]:
    """The conditions in a fixed order, whatever the order of `given`. Raise `KeyError` for a filter without a condition."""
    found = []
    for name in sorted(given):
        asked = CONDITIONS[name]
        found.append(asked.comparison(entry.c[asked.column], bindparam(name)))
    return found


def _about_subject() -> FromClause:
    """The entries about a subject, each found by its index."""
    subject = ledger_subjects
    named = select(subject.c.at, subject.c.entry_id).where(subject.c.digest == any_(DIGESTS)).distinct().subquery("s")
    found = _entry_at(named.c.at, named.c.entry_id, "found")
    return select(found).select_from(named.join(found, true())).subquery("e")


def _entry_at(at: ColumnElement[Any], entry_id: ColumnElement[Any], name: str) -> FromClause:
    """OFFSET 0 keeps the planner from scanning the whole ledger."""
    entry = ledger_entries.alias("entry")
    return select(entry).where(entry.c.at == at, entry.c.id == entry_id).offset(literal_column("0")).lateral(name)
