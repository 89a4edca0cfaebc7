"""Compares what clients were told with what the database holds in the end. Shares no code with the service.

Run on the client host: `verify.py OBSERVED.json DSN ANCHOR…`; prints one JSON object.
"""

import asyncio
import base64
import bisect
import hashlib
import json
import sys
import uuid
from collections import Counter

import asyncpg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_EXAMPLES = 5


class Tree:
    """RFC 6962's root over leaf hashes as they are appended."""

    def __init__(self):
        self.size, self.edge = 0, []

    def append(self, digest):
        self.size += 1
        n = self.size
        while n % 2 == 0:
            digest = hashlib.sha256(b"\x01" + self.edge.pop() + digest).digest()
            n //= 2
        self.edge.append(digest)

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        digest = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            digest = hashlib.sha256(b"\x01" + left + digest).digest()
        return digest


def read_note(text):
    head, _, tail = text.partition("\n\n")
    origin, size, root = (head + "\n").split("\n")[:3]
    signatures = [base64.b64decode(line.rsplit(" ", 1)[1])[4:] for line in tail.splitlines() if line.startswith("— ")]
    return origin, int(size), base64.b64decode(root), (head + "\n").encode(), signatures


def is_signed(message, signatures, keys):
    for key in keys:
        for signature in signatures:
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            else:
                return True
    return False


async def verify(observed, dsn, anchors):
    connection = await asyncpg.connect(dsn, timeout=10)
    found = {}
    try:
        checks = observed["checks"]
        rows = await connection.fetch(
            "SELECT id, decision, reference, list_version FROM ledger_entries WHERE action = 'check' AND reference = ANY($1)",
            [one["reference"] for one in checks],
        )
        held = {row["id"]: row for row in rows}
        lost = [c for c in checks if uuid.UUID(c["id"]) not in held]
        found["lost_checks_at"] = [(c["acked"], c["target"]) for c in lost]
        altered = [
            (c, dict(row))
            for c in checks
            if (row := held.get(uuid.UUID(c["id"]))) is not None
            and (row["decision"] != c["decision"] or row["reference"] != c["reference"])
        ]
        by_reference = Counter(row["reference"] for row in rows)
        keyed = {c["reference"] for c in checks if c["keyed"]}
        doubled = [[dict(row) for row in rows if row["reference"] == r] for r in keyed if by_reference[r] > 1]
        wrong_clear = [c for c in checks if c["expected"] == "clear" and c["decision"] != "clear"]
        _count(found, lost_checks=lost, altered_checks=altered, doubled_checks=doubled, wrong_clear=wrong_clear)

        publications = observed["publications"]
        listings = await connection.fetch(
            "SELECT id, case_number FROM listings WHERE case_number = ANY($1)", [p["case"] for p in publications]
        )
        if publications and not listings:  # stored under a normal form of the number
            listings = await connection.fetch("SELECT id, case_number FROM listings")
        ids = {row["id"] for row in listings}
        lost = [p for p in publications if uuid.UUID(p["listing_id"]) not in ids]
        _count(found, lost_publications=lost)
        found["lost_publications_at"] = [(p["acked"], p["target"]) for p in lost]

        # Stale: an answer without a change that was acknowledged before the question, and still exists. A change that was
        # acknowledged and lost is counted above, and not here.
        there = sorted((p["acked"], p["list_version"]) for p in publications if uuid.UUID(p["listing_id"]) in ids)
        numbers = {p["number"] for p in publications if uuid.UUID(p["listing_id"]) in ids}
        times, tops, top = [], [], 0
        for acked, version in there:
            top = max(top, version)
            times.append(acked)
            tops.append(top)
        stale = []
        for c in checks:
            place = bisect.bisect_right(times, c["asked"])
            if c["list_version"] < (tops[place - 1] if place else 0) or (
                c["number"] in numbers and c["decision"] != "block"
            ):
                stale.append(c | {"newest": tops[place - 1] if place else 0})
        _count(found, stale=stale)
        found["stale_at"] = [(c["acked"], c["target"]) for c in stale]
        by_case = Counter(row["case_number"] for row in listings)
        versions = Counter(p["list_version"] for p in publications)
        _count(
            found,
            doubled_publications=[case for case, n in by_case.items() if n > 1],
            versions_given_twice=[p for p in publications if versions[p["list_version"]] > 1],
        )

        rows = await connection.fetch(
            "SELECT list_version, listing_id FROM listing_versions WHERE list_version IS NOT NULL"
        )
        truth = {}
        for row in rows:
            truth.setdefault(row["list_version"], set()).add(str(row["listing_id"]))
        wrong = {(v, i) for v, i, *_ in observed["feed"] if i not in truth.get(v, ())}
        _count(found, feed_forks=sorted(wrong))
        seen = {}
        for version, _, _, target, _ in observed["feed"]:
            seen.setdefault(target, set()).add(version)
        floor = min((p["list_version"] for p in publications), default=0)
        top = {t: max(v) for t, v in seen.items() if v}
        gaps = [(t, v) for t in top for v in truth if max(min(seen[t]), floor) <= v <= top[t] and v not in seen[t]]
        _count(found, feed_gaps=gaps, stale_reads=observed["stale_reads"])

        vkeys = [row["vkey"] for row in await connection.fetch("SELECT vkey FROM ledger_keys")]
        keys = [Ed25519PublicKey.from_public_bytes(base64.b64decode(v.split("+", 2)[2])[1:]) for v in vkeys]
        origin = await connection.fetchval("SELECT origin FROM ledger_log")
        notes = {}
        for one in observed["notes"]:
            notes.setdefault(one["note"], one["target"])
        files = []
        for path in anchors:
            try:
                with open(path, encoding="utf-8") as file:
                    notes.setdefault(file.read(), path)
                    files.append(path)
            except FileNotFoundError:
                pass
        wanted = {}
        unsigned = 0
        for text in notes:
            name, size, root, message, signatures = read_note(text)
            if name != origin or not is_signed(message, signatures, keys):
                unsigned += 1
            wanted.setdefault(size, set()).add(root)
        forks = sum(len(roots) - 1 for roots in wanted.values())
        tree, unproved, gaps = Tree(), 0, 0
        if wanted.get(0) and wanted[0] != {tree.root()}:
            forks += 1
        async with connection.transaction(readonly=True, isolation="repeatable_read"):
            async for row in connection.cursor(
                "SELECT l.idx, l.hash, e.leaf FROM ledger_leaves l LEFT JOIN ledger_entries e ON e.at = l.at AND"
                " e.id = l.entry_id ORDER BY l.idx",
                prefetch=2000,
            ):
                gaps += row["idx"] != tree.size
                if row["leaf"] is None or hashlib.sha256(b"\x00" + row["leaf"]).digest() != row["hash"]:
                    unproved += 1
                tree.append(row["hash"])
                if tree.size in wanted and wanted[tree.size] != {tree.root()}:
                    forks += 1
        ahead = [size for size in wanted if size > tree.size]
        found |= {
            "checkpoints": len(notes),
            "unsigned": unsigned,
            "forks": forks + len(ahead),
            "leaves": tree.size,
            "leaf_gaps": gaps,
            "unproved_leaves": unproved,
            "anchors": len(files),
        }
        found["unsealed"] = await connection.fetchval("SELECT count(*) FROM ledger_pending")
        found["refusal"] = await connection.fetchval("SELECT refusal FROM ledger_sealing")
        sealed = await connection.fetchval("SELECT max(size) FROM ledger_checkpoints")
        found["sealed"] = sealed

        probe = await asyncpg.connect(dsn.rsplit("/", 1)[0] + "/probe", timeout=10)
        try:
            kept = {(r["node"], r["n"]) for r in await probe.fetch("SELECT node, n FROM beats")}
        finally:
            await probe.close()
        lost = [(node, n, at) for node, n, at in observed["beats"] if (node, n) not in kept]
        found["beats"], found["lost_beats"] = len(observed["beats"]), len(lost)
        found["lost_beats_at"] = [(at, node) for node, n, at in lost]
        found["checks"], found["publications"] = len(checks), len(publications)
        found["replayed"] = sum(c["tries"] > 1 for c in checks if c["keyed"])
        found["failures"] = observed["failures"]
    finally:
        await connection.close()
    return found


def _count(found, **failed):
    """How many, and the first of them."""
    for name, cases in failed.items():
        found[name] = len(cases)
        found[f"{name}_examples"] = cases[:MOST_EXAMPLES]


def main():
    with open(sys.argv[1]) as file:
        observed = json.load(file)
    print(json.dumps(asyncio.run(verify(observed, sys.argv[2], sys.argv[3:])), ensure_ascii=False, default=str))


if __name__ == "__main__":
    main()
