"""Composed reads: one text for each shape, no value in it, and SQLAlchemy only for those who compose."""

import subprocess
import sys
from typing import Any, get_args

import pytest
from sqlalchemy import Integer, bindparam, literal, literal_column, select

from blacklist_service.assistance import selects as of_notices
from blacklist_service.assistance.schemas import NoticeQuery
from blacklist_service.audit import selects as of_entries
from blacklist_service.database.statements import Deferred, compiled, composed
from blacklist_service.listings import selects as of_listings
from blacklist_service.listings.rules import ListingState

CHECKS_ALONE = """
import sys
import blacklist_service.asgi, blacklist_service.worker, blacklist_service.sealer
loaded = [name for name in ("sqlalchemy", "alembic") if name in sys.modules]
assert not loaded, loaded
"""


def test_a_filter_without_a_condition_is_an_error_and_never_passed_over():
    with pytest.raises(KeyError):
        of_entries.page_of_entries({"agency", "colour"}, is_about_subject=False)


def test_every_state_has_its_condition():
    assert set(of_listings.STATES) == set(ListingState)
    states = get_args(get_args(NoticeQuery.model_fields["state"].annotation)[0])
    assert set(of_notices.STATES) == set(states)


def test_a_process_that_serves_loads_no_sqlalchemy_until_somebody_searches():
    subprocess.run([sys.executable, "-c", CHECKS_ALONE], check=True)


async def test_a_statement_is_compiled_once_for_each_shape():
    selects = Deferred("blacklist_service.audit.selects")
    first = await composed(selects.page_of_entries, frozenset({"to", "agency"}), is_about_subject=False)
    again = await composed(selects.page_of_entries, frozenset({"agency", "to"}), is_about_subject=False)
    other = await composed(selects.page_of_entries, frozenset({"agency"}), is_about_subject=False)
    assert again is first
    assert other.text != first.text
    assert set(first.names) == {"before_at", "before_id", "limit", "agency", "to"}


@pytest.mark.parametrize("held", [literal(7), bindparam("held", 7), bindparam("held", None)])
def test_a_value_in_a_shape_is_refused(held: Any):
    with pytest.raises(ValueError, match="hold values"):
        compiled(select(held))


async def test_values_go_where_their_names_stand(service: Any):
    first: Any = bindparam("first", type_=Integer)
    second: Any = bindparam("second", type_=Integer)
    statement = compiled(select((second * literal_column("10") + first).label("told"), (first + first).label("twice")))
    async with service.workplace.connected() as connection:
        [row] = await statement.fetch(connection, first=1, second=2, unused=3)
        assert tuple(row) == (21, 2)
        with pytest.raises(KeyError):
            await statement.fetch(connection, first=1)
