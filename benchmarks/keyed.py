"""What a check costs with the headers that clients really send: an Idempotency-Key of its own, and a `traceparent`.

    .venv/bin/python benchmarks/keyed.py --rounds 15 --seconds 1.5

A real `serve` with fsync, evidence, sealing and logging on. The kinds of client take turns in one run; a ratio is the
median of each round's own ratio to the checks/s of the client that sends neither. Targets: both at least 0.9. `web_us` and
`database_us` are microseconds of a processor for each check.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, cycle
from pathlib import Path
from secrets import token_hex

import seeding
import uvloop
from load import NO_HEADERS, drive, request_bytes
from stand import Stand, questions

CONNECTIONS = (64, 16, 1)
WARM_UP = 0.3
MARK = token_hex(4)
_sent = count()


def _plain() -> Mapping[str, str]:
    return NO_HEADERS


def _keyed() -> Mapping[str, str]:
    return {"Idempotency-Key": f"{MARK}-0000-4000-8000-{next(_sent):012x}"}


def _traced() -> Mapping[str, str]:
    return {"traceparent": f"00-{MARK}0123456789ab{next(_sent):012x}-0123456789abcdef-00"}


def _both() -> Mapping[str, str]:
    return {**_keyed(), **_traced()}


KINDS: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "plain": _plain,
    "keyed": _keyed,
    "traced": _traced,
    "keyed and traced": _both,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="blacklist-bench-") as folder:
        stand = Stand(Path(folder), options.listings)
        stand.start()
        try:
            stand.make_key()
            asyncio.run(seeding.seed(stand))
            stand.stop()
            stand.start()
            found = {n: _measure(stand, n, options.rounds, options.seconds) for n in CONNECTIONS}
        finally:
            stand.stop()
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def _measure(stand: Stand, connections: int, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    used: dict[str, dict[str, list[float]]] = {kind: {"web": [], "database": []} for kind in KINDS}
    for turn in range(rounds):
        for kind in list(KINDS) if turn % 2 == 0 else reversed(list(KINDS)):
            sent = _requests(stand, KINDS[kind], ahead=int(seconds * 20_000))
            before = stand.processor_seconds()
            result = uvloop.run(drive(stand.url, sent, connections=connections, seconds=seconds, warm_up=WARM_UP))
            after = stand.processor_seconds()
            assert set(result["statuses"]) == {"200"}, result["statuses"]  # type: ignore[call-overload]
            rate = float(result["per_second"])  # type: ignore[arg-type]
            rates[kind].append(rate)
            for part in used[kind]:
                used[kind][part].append((after[part] - before[part]) / (rate * (seconds + WARM_UP)) * 1e6)
    found = {}
    for kind, of_kind in rates.items():
        shares = [a / b for a, b in zip(of_kind, rates["plain"], strict=True)]
        found[kind] = {"per_second": statistics.median(of_kind), "ratio": round(statistics.median(shares), 3)}
        found[kind] |= {f"{part}_us": round(statistics.median(of_part), 1) for part, of_part in used[kind].items()}
    print(connections, "connections:", json.dumps(found), flush=True)
    return found


def _requests(stand: Stand, headers: Callable[[], Mapping[str, str]], *, ahead: int) -> Iterator[bytes]:
    """Each with its own headers, prepared in advance: otherwise the client would be measured too."""
    bodies: Iterable[bytes] = cycle([json.dumps(one).encode() for one in questions(stand.listings)])
    written = [
        request_bytes(stand.url, body, key=stand.key, headers=headers())
        for body, _ in zip(bodies, range(ahead), strict=False)
    ]
    return iter(written)


if __name__ == "__main__":
    main()
