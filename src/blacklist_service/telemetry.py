"""Logs (one JSON event a line, never a personal value) and metrics (Prometheus, correct with several workers)."""

import logging
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.5, 1.0, 2.5, 10.0)

REQUESTS = Counter("blacklist_requests", "HTTP requests", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("blacklist_request_seconds", "Time to answer a request", ["route"], buckets=BUCKETS)
BATCH_SIZE = Histogram("blacklist_batch_size", "Checks in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
BATCH_SECONDS = Histogram("blacklist_batch_seconds", "Database time of one batch of checks", buckets=BUCKETS)
QUEUE_DEPTH = Gauge("blacklist_queue_depth", "Checks waiting in a worker", multiprocess_mode="livesum")
LEDGER_SIZE = Gauge("blacklist_ledger_size", "Entries under a signed checkpoint", multiprocess_mode="livemax")
LEDGER_LAG = Gauge("blacklist_ledger_lag_seconds", "Age of the oldest unsealed entry", multiprocess_mode="livemax")
LATE_REMOVALS = Gauge(
    "blacklist_late_removals",
    "Performed listings past the day of their deletion",
    ["court"],
    multiprocess_mode="livemax",
)
LEDGER_REFUSED = Gauge("blacklist_ledger_refused", "1 where nothing may be sealed", multiprocess_mode="livemax")
LEDGER_DISPLACED = Gauge(
    "blacklist_ledger_displaced",
    "Entries whose place in the log is not that of their time",
    multiprocess_mode="livemax",
)
JOBS_STUCK = Gauge(
    "blacklist_jobs_stuck", "Imports and exports begun three times or more and never done", multiprocess_mode="livemax"
)

WATCHES_OPEN = Gauge("blacklist_watches_open", "Questions kept open", multiprocess_mode="livemax")
WATCH_LAG = Gauge(
    "blacklist_watch_lag_seconds",
    "Age of the oldest change that watches were not compared with yet",
    multiprocess_mode="livemax",
)
WATCH_EVENTS = Counter("blacklist_watch_events", "Events written for units to be told", ["cause"])

MANY_NUMBERS = Counter(
    "blacklist_many_numbers", "Names under which a member asked very many numbers in a day", ["what"]
)

WEBHOOK_DELIVERIES = Counter("blacklist_deliveries", "Tries to tell an endpoint of an event", ["outcome"])
WEBHOOK_SECONDS = Histogram(
    "blacklist_delivery_seconds",
    "From an event's delivery to its receiver's answer",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30, 300, 3600, 86400),
)
WEBHOOKS_FAILING = Gauge(
    "blacklist_webhooks_failing", "Webhooks whose endpoint failed five times in a row", multiprocess_mode="livemax"
)
UNTOLD_SECONDS = Gauge(
    "blacklist_untold_seconds",
    "Age of the oldest event a unit was not told of",
    ["member"],
    multiprocess_mode="livemax",
)

_request_counters: dict[tuple[str, str, int], Counter] = {}
_request_clocks: dict[str, Histogram] = {}

LOGGED = frozenset(
    {
        *("event", "level", "timestamp", "logger", "request_id", "member", "key_id", "method", "route", "status"),
        *("seconds", "source_ip", "size", "cause", "code", "exception", "pid", "child", "import_id", "rows"),
        *("list_version", "version", "where", "trace_id", "webhook_id"),
    }
)
"""The fields a log line may have. An allow-list, so that an unforeseen value cannot get into a log."""


RequestMeasure = tuple[str, str, int, float]
"""An answered request: method, route, status, seconds."""


def count_requests(ended: Iterable[RequestMeasure]) -> None:
    alike: dict[tuple[str, str, int], list[float]] = {}
    for method, route, status, seconds in ended:
        alike.setdefault((method, route, status), []).append(seconds)
    for place, times in alike.items():
        counter = _request_counters.get(place)
        if counter is None:
            counter = _request_counters[place] = REQUESTS.labels(*place)
        counter.inc(len(times))
        clock = _request_clocks.get(place[1])
        if clock is None:
            clock = _request_clocks[place[1]] = REQUEST_SECONDS.labels(place[1])
        observe_all(clock, times)


def observe_all(clock: Histogram, amounts: Sequence[float]) -> None:
    """The same as `clock.observe` for many values at once: each of its steps writes to a file shared by several processes."""
    bounds = clock._upper_bounds  # noqa: SLF001 - there is no public way
    numbers: dict[int, int] = {}
    for amount in amounts:
        place = bisect_left(bounds, amount)
        numbers[place] = numbers.get(place, 0) + 1
    clock._sum.inc(sum(amounts))  # noqa: SLF001
    for place, number in numbers.items():
        clock._buckets[place].inc(number)  # noqa: SLF001


def log_requests(lines: Sequence[Mapping[str, object]]) -> None:
    """One JSON line for each, in one write. The caller must make sure that the fields hold nothing personal."""
    if not lines or not _request_lines.is_on:
        return
    timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    said = {"event": "request", "level": "info", "timestamp": timestamp}
    written = b"".join([orjson.dumps({**line, **said}, option=orjson.OPT_APPEND_NEWLINE) for line in lines])
    sys.stderr.write(written.decode())
    sys.stderr.flush()


class _RequestLines:
    is_on = False


_request_lines = _RequestLines()


def keep_allowed(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in event.items() if key in LOGGED}


def shorten_exception(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The exception's type and location, without its message, which may quote the value that caused it."""
    if info := event.pop("exc_info", None):
        error = info if isinstance(info, BaseException) else sys.exc_info()[1]
        if error is not None:
            event["exception"] = type(error).__name__
            event["where"] = _places(error)
    return event


def configure_logging(level: str) -> None:
    _request_lines.is_on = logging.getLevelName(level.upper()) <= logging.INFO
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            shorten_exception,
            keep_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s", force=True)


def _places(error: BaseException, most: int = 6) -> list[str]:
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-most:]
