"""A first copy of a followed list: `python benchmarks/following.py --listings 10000`.

Two real `serve` with their embedded databases, fsync on, and a real `follow` between them. With `--before CHECKOUT` the
follower of another checkout copies the same list as well, in turns with this one's, so that the two can be compared on a busy
machine. Figures as JSON: listings a second, the follower's own processor seconds, and how long a court's acts in between
took.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import synthetic
from stand import PROGRAM, Stand

from blacklist_service.ledger.notes import Note, VerifierKey
from blacklist_service.ledger.statements import read_statement

STATED_WITHIN_SECONDS = 300
HERE = Path(__file__).parents[1]


@dataclass
class Installation(Stand):
    """An installation of the code in a checkout."""

    checkout: Path = field(default_factory=lambda: HERE)

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"PYTHONPATH": str(self.checkout / "src"), "BLACKLIST_LOG_LEVEL": "warning"}

    def say(self, *words: str) -> str:
        return self._say(*words)

    def key_of(self, member: str, role: str) -> str:
        return str(json.loads(self.say("keys", "create", "--member", member, "--role", role, "--json"))["key"])


def fill(nation: Installation) -> int:
    """Give it a list, and a member that may follow it; return how many listings it states, some of them in grace."""
    nation.make_key()
    folder = nation.folder.parent
    file = folder / "list.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = synthetic.csv.writer(out)
        writer.writerow(synthetic.HEADER)
        writer.writerows(synthetic.rows(nation.listings))
    loaded = json.loads(nation.say("import", str(file), "--court", "云0111", "--json"))
    (folder / "vkey").write_text(_get(nation, "/v1/ledger/vkey"))
    keys = [VerifierKey.parse(line) for line in (folder / "vkey").read_text().splitlines()]
    deadline = time.monotonic() + STATED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        note = _get(nation, "/v1/list/statement")
        if note and (state := read_statement(Note.parse(note), keys)).version == loaded["list_version"]:
            return state.count
        time.sleep(1)
    raise SystemExit("the list above was not stated")


def _get(nation: Installation, path: str) -> str:
    headers = {"Authorization": f"Bearer {nation.key}"}
    answer = httpx.get(f"http://127.0.0.1:{nation.port}{path}", headers=headers, timeout=30)
    return answer.text if answer.status_code == httpx.codes.OK else ""


def copy(folder: Path, nation: Installation, checkout: Path, number: int) -> dict[str, float]:
    """One first copy, by the code of `checkout`, into a separate installation whose own court publishes meanwhile."""
    province = Installation(folder / f"province-{number}", 0, checkout=checkout)
    province.folder.mkdir()
    province.start()
    try:
        member = f"PROVINCE-{number}"
        nation.say("members", "add", member, "--name", f"省平台{number}", "--kind", "agency")
        nation.say("register-follower", member, "--public-key", province.say("follower-key").strip())
        (folder / "key").write_text(nation.key_of(member, "follower"))
        province.say("members", "add", "WH-COURT", "--name", "五华区法院", "--kind", "court", "--court-code", "云0102")
        court = province.key_of("WH-COURT", "court")
        words = ["follow", f"http://127.0.0.1:{nation.port}", "--vkey", str(folder / "vkey")]
        words += ["--key", f"@{folder / 'key'}", "--every", "0"]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.Popen([*PROGRAM, *words], env=province._environment(), stderr=subprocess.PIPE, text=True)  # noqa: SLF001
        said: list[tuple[float, str]] = []
        reading = threading.Thread(target=_remember, args=(process, said))
        reading.start()
        acts = asyncio.run(_publish_meanwhile(province.port, court, process))
        reading.join()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode:
            raise SystemExit("".join(line for _, line in said))
        pages = [(at, int(line.split()[2])) for at, line in said if line.startswith("followed to")]
        (began, first), (ended, last) = pages[0], pages[-1]
        return {
            "seconds_after_the_first_page": round(ended - began, 1),
            "listings_a_second": round((last - first) / (ended - began)),
            "own_processor_seconds": round(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime, 1),
            "acts_meanwhile": len(acts),
            "act_p50_ms": round(statistics.median(acts) * 1000) if acts else 0,
            "act_max_ms": round(max(acts, default=0) * 1000),
        }
    finally:
        province.stop()


def _remember(process: subprocess.Popen[str], said: list[tuple[float, str]]) -> None:
    assert process.stderr is not None
    said.extend((time.perf_counter(), line) for line in process.stderr)


async def _publish_meanwhile(port: int, key: str, process: subprocess.Popen[str]) -> list[float]:
    """Seconds that each of a court's publications took while the copy went on."""
    taken = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while process.poll() is None:
            number = 5_000_000 + len(taken)
            began = time.perf_counter()
            answer = await client.post(
                "/v1/listings",
                json={
                    "case_number": f"(2025)云0102执{number}号",
                    "court": {"code": "云0102", "name": "五华区法院"},
                    "debtor": {
                        "kind": "person",
                        "name": synthetic.name_of(number),
                        "identifier": {"type": "resident_id", "number": synthetic.resident_id(number)},
                    },
                    "circumstances": ["C4"],
                    "decision": {"document_number": f"之{number}", "decided_on": "2025-06-01"},
                    "published_on": "2025-06-02",
                    "expires_on": "2099-01-01",
                },
                headers={"Authorization": f"Bearer {key}", "Idempotency-Key": f"meanwhile-{number}"},
            )
            answer.raise_for_status()
            taken.append(time.perf_counter() - began)
            await asyncio.sleep(0.5)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listings", type=int, default=10_000)
    parser.add_argument(
        "--before", type=Path, help="another checkout, whose follower is measured in turns with this one's"
    )
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    checkouts = {"now": HERE} | ({"before": options.before.resolve()} if options.before else {})
    found: dict[str, object] = {"load_average": os.getloadavg()}
    with tempfile.TemporaryDirectory(prefix="blacklist-bench-") as name:
        folder = Path(name)
        nation = Installation(folder / "nation", options.listings)
        nation.folder.mkdir()
        nation.start()
        try:
            found["listings"] = fill(nation)
            for turn in range(options.turns):
                for place, (which, checkout) in enumerate(checkouts.items()):
                    found[f"{which} {turn + 1}"] = copy(folder, nation, checkout, 10 * turn + place)
        finally:
            nation.stop()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
