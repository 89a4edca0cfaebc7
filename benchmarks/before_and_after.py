"""What a change costs checks: this checkout against an earlier commit, in turns.

    .venv/bin/python benchmarks/before_and_after.py 58489c1 --rounds 90

Each is a real `serve` with fsync, evidence, sealing and logging on, its own new cluster and the same list; both run on this
checkout's virtual environment. The order within each turn is random. `ratio` is the median of each turn's own ratio of
checks/s, above 1 is faster now; `web` and `database` are microseconds of a processor for each check.
"""

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import seeding
import uvloop
from load import drive
from stand import Stand

HERE = Path(__file__).parents[1]
CONNECTIONS = (64, 16, 1)
WARM_UP = 0.15
BEFORE, NOW = "before", "now"


@dataclass
class CheckoutStand(Stand):
    """A service that runs the code of another checkout."""

    checkout: Path = HERE

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"PYTHONPATH": str(self.checkout / "src")}


@dataclass
class Turns:
    """What was measured of one of the two, turn by turn."""

    rates: list[float] = field(default_factory=list)
    used: dict[str, list[float]] = field(default_factory=lambda: {"web": [], "database": []})

    def take(self, stand: Stand, requests: list[bytes], connections: int, seconds: float) -> None:
        before = stand.processor_seconds()
        result = uvloop.run(drive(stand.url, requests, connections=connections, seconds=seconds, warm_up=WARM_UP))
        after = stand.processor_seconds()
        assert set(result["statuses"]) == {"200"}, result["statuses"]  # type: ignore[call-overload]
        rate = float(result["per_second"])  # type: ignore[arg-type]
        self.rates.append(rate)
        for part, of_part in self.used.items():
            of_part.append((after[part] - before[part]) / (rate * (seconds + WARM_UP)) * 1e6)

    def summary(self, other: "Turns") -> dict[str, float]:
        shares = [a / b for a, b in zip(self.rates, other.rates, strict=True)]
        used = {part: round(statistics.median(of_part), 1) for part, of_part in self.used.items()}
        return {"per_second": statistics.median(self.rates), "ratio": round(statistics.median(shares), 3), **used}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--listings", type=int, default=10_000)
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="blacklist-bench-") as folder, contextlib.ExitStack() as stack:
        checkout = stack.enter_context(_checked_out(options.commit, Path(folder) / "code"))
        stands = {
            name: stack.enter_context(_served(CheckoutStand(Path(folder) / name, options.listings, checkout=code)))
            for name, code in ((BEFORE, checkout), (NOW, HERE))
        }
        found = {n: _measure(stands, n, options.rounds, options.seconds) for n in options.connections}
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


@contextlib.contextmanager
def _checked_out(commit: str, folder: Path) -> Iterator[Path]:
    git = ("git", "-C", str(HERE), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


@contextlib.contextmanager
def _served(stand: Stand) -> Iterator[Stand]:
    stand.folder.mkdir()
    try:
        stand.start()
        stand.make_key()
        asyncio.run(seeding.seed(stand))
        stand.stop()
        stand.start()
        yield stand
    finally:
        stand.stop()


def _measure(stands: Mapping[str, Stand], connections: int, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    requests = {name: stand.requests() for name, stand in stands.items()}
    turns = {name: Turns() for name in stands}
    for _ in range(rounds):
        for name in random.sample(list(stands), len(stands)):
            turns[name].take(stands[name], requests[name], connections, seconds)
    found = {name: of_one.summary(turns[BEFORE]) for name, of_one in turns.items()}
    print(connections, "connections:", json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
