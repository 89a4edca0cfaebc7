"""What time it is: instants in UTC, legal dates in Asia/Shanghai."""

from datetime import UTC, date, datetime, timedelta, timezone

# China has kept one time without daylight saving since 1991; a fixed offset needs no time-zone database.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def now() -> datetime:
    return datetime.now(UTC)


def legal_date(instant: datetime) -> date:
    """The day on which `instant` falls for the law."""
    return instant.astimezone(SHANGHAI).date()


def wire_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with microseconds and `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
