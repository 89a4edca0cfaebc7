"""`bytea[]` by our own codec is what PostgreSQL and the driver's codec say it is."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blacklist_service.database.byte_arrays import decode, encode, teach_byte_arrays
from blacklist_service.database.connections import Connection, connect

ARRAYS = st.lists(st.none() | st.binary(max_size=300) | st.binary(min_size=2040, max_size=2060), max_size=12)


@given(ARRAYS)
def test_what_is_written_is_read(values: list[bytes | None]) -> None:
    assert decode(encode(values)) == decode(encode(tuple(values))) == values


@pytest.fixture
async def taught(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn, role=None)
    teach_byte_arrays(connection)
    yield connection
    await connection.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=ARRAYS)
async def test_postgresql_reads_and_writes_the_same(taught: Connection, values: list[bytes | None]) -> None:
    told = await taught.fetchrow(
        "SELECT $1::bytea[] AS back, cardinality($1::bytea[]) AS count, "
        "ARRAY(SELECT encode(one, 'hex') FROM unnest($1::bytea[]) AS one) AS written",
        values,
    )
    assert told is not None
    assert told["back"] == values
    assert told["count"] == len(values)
    assert told["written"] == [None if one is None else one.hex() for one in values]


async def test_what_is_no_bytes_is_refused(taught: Connection) -> None:
    with pytest.raises(asyncpg.DataError):
        await taught.fetchval("SELECT $1::bytea[]", ["text"])
