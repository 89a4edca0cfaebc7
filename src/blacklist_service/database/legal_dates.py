"""The legal date in SQL: the day of an instant in Asia/Shanghai, which is UTC+8 without daylight saving."""


def legal_date_of(instant: str) -> str:
    """The SQL expression for the legal date of `instant`, itself an SQL expression of type timestamptz. It does not depend on
    the session's time zone, nor on the server's time zone tables.
    """
    return f"({instant} AT TIME ZONE 'UTC' + interval '8 hours')::date"


TODAY = legal_date_of("clock_timestamp()")
"""The legal date by the database's clock, which all machines share."""
