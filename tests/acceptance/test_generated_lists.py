"""Lists of the samples' kind with other people and other defects: no wrong answer, every answer in the log."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.generated_lists import (
    NAMED_WARNINGS,
    REJECTED,
    UNCHANGED,
    Author,
    CourtList,
    Probe,
    Row,
    official_list,
    save_csv,
    save_jsonl,
    save_xlsx,
    write_list,
)
from tests.support import Service

Save = Callable[[CourtList, Path, random.Random], dict[int, Row]]
FORMS: dict[str, Save] = {
    "utf-8.csv": lambda a, path, r: save_csv(a, path, style="chinese", encoding="utf-8", random_=r),
    "bom.csv": lambda a, path, r: save_csv(a, path, style="english", encoding="utf-8-sig", random_=r),
    "gb18030.csv": lambda a, path, r: save_csv(a, path, style="mixed", encoding="gb18030", random_=r),
    "chinese.xlsx": lambda a, path, r: save_xlsx(a, path, style="chinese", random_=r),
    "english.xlsx": lambda a, path, r: save_xlsx(a, path, style="english", random_=r),
    "utf-8.jsonl": lambda a, path, r: save_jsonl(a, path, style="mixed", random_=r),
}


@pytest.mark.parametrize(
    ("seed", "form", "form_again"),
    [(1, "utf-8.csv", "english.xlsx"), (2, "gb18030.csv", "utf-8.jsonl"), (3, "chinese.xlsx", "bom.csv")],
)
async def test_a_court_list(service: Service, tmp_path: Path, seed: int, form: str, form_again: str):
    author = Author(seed)
    court_list = write_list(author)
    faults = await load_and_judge(service, court_list, tmp_path / form, FORMS[form], author.random)
    faults += await ask_and_judge(service, court_list.probes)
    again = tmp_path / f"again-{form_again}"
    faults += await load_again_and_judge(service, court_list, again, FORMS[form_again], author.random)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("seed", [11, 12])
async def test_an_official_list(service: Service, tmp_path: Path, seed: int):
    author = Author(seed)
    court_list = official_list(author)

    def save(a: CourtList, path: Path, r: random.Random) -> dict[int, Row]:
        return save_jsonl(a, path, style="as_is", random_=r, encoding=r.choice(["utf-8", "utf-8-sig", "gb18030"]))

    faults = await load_and_judge(service, court_list, tmp_path / "official.jsonl", save, author.random)
    faults += await ask_and_judge(service, court_list.probes)
    faults += await load_again_and_judge(service, court_list, tmp_path / "again.jsonl", save, author.random)
    assert not faults, "\n".join(faults)


async def test_a_later_list(service: Service, tmp_path: Path):
    """What a second file changes: other content, what ended, and lists again."""
    by = Author(21)
    endless = {"circumstances": "C1", "expires_on": ""}
    changed, again, early, stale = ((by.people.name(), by.people.number()) for _ in range(4))
    rows = {}
    for name, number in (changed, again, early, stale):
        rows[name] = by.add(by.cells(name=name, identifier_number=number, **endless), "created", why="first list")
    gone = {"action": "删除", "ground": "performed", "decided_on": by.day(-20)}
    by.add(rows[again[0]] | gone, "ended", why="to be listed again")
    by.add(rows[stale[0]] | gone, "ended", why="to be sent again")
    by.add(rows[early[0]] | {"action": "撤销", "decided_on": by.day(-20)}, "ended", why="to be listed again")
    faults = await load_and_judge(service, by.list, tmp_path / "first.csv", FORMS["utf-8.csv"], by.random)

    later = Author(22)
    fresh = {"decided_on": by.day(-10), "published_on": by.day(-8), "filed_on": by.day(-90)}
    later.add(
        rows[changed[0]] | {"circumstances": "C1,C4"}, "corrected", may_warn=["term-missing"], why="other content"
    )
    second = {"decision_number": "(2026)云0111执1号之二", **fresh}
    later.add(rows[again[0]] | second, "created", may_warn=["dates-unusual"], why="listed again after deletion")
    later.add(rows[early[0]] | second, "created", may_warn=["dates-unusual"], why="listed again after withdrawal")
    later.add(dict(rows[stale[0]]), "unchanged", why="what ended is sent again")
    later.ask("other content", *changed, "block", "exact")
    later.ask("listed again", *again, "block", "exact")
    later.ask("listed again after withdrawal", *early, "block", "exact")
    later.ask("ended and sent again", *stale, "clear")
    faults += await load_and_judge(service, later.list, tmp_path / "later.jsonl", FORMS["utf-8.jsonl"], by.random)
    faults += await ask_and_judge(service, later.list.probes)
    assert not faults, "\n".join(faults)


async def test_rows_take_effect_in_file_order(service: Service, tmp_path: Path):
    by = Author(31)
    name, number = by.people.name(), by.people.number()
    row = by.cells(name=name, identifier_number=number)
    by.add(row | {"action": "撤销"}, REJECTED, "unknown-listing", why="withdrawn before it was published")
    by.add(row, "created", why="published after")
    by.ask("an order that came too early", name, number, "block", "exact")
    faults = await load_and_judge(service, by.list, tmp_path / "list.csv", FORMS["utf-8.csv"], by.random)
    faults += await ask_and_judge(service, by.list.probes)
    assert not faults, "\n".join(faults)


async def test_an_old_ending_row_does_not_end_what_was_listed_again(service: Service, tmp_path: Path):
    """Design §8: an ending row for what already ended so is unchanged; the same file again changes nothing."""
    by = Author(41)
    for action, ground in (("删除", "performed"), ("撤销", "")):
        name, number = by.people.name(), by.people.number()
        first = by.cells(name=name, identifier_number=number, circumstances="C1", expires_on="")
        by.add(first, "created", why="listed")
        end = first | {"action": action, "ground": ground, "decided_on": by.day(-60)}
        by.add(end, "ended", why=f"ended: {action}")
        fresh = {
            "decided_on": by.day(-30),
            "published_on": by.day(-28),
            "decision_number": f"{first['case_number']}之二",
        }
        by.add(first | fresh, "created", may_warn=["dates-unusual"], why="listed again after its end")
        by.ask(f"listed again after {action}", name, number, "block", "exact")
    faults = await load_and_judge(service, by.list, tmp_path / "list.csv", FORMS["utf-8.csv"], by.random)
    faults += await ask_and_judge(service, by.list.probes)
    faults += await load_again_and_judge(service, by.list, tmp_path / "again.csv", FORMS["utf-8.csv"], by.random)
    faults += await ask_and_judge(service, by.list.probes)
    assert not faults, "\n".join(faults)


# --- judging


async def load_and_judge(
    service: Service, court_list: CourtList, path: Path, save: Save, random_: random.Random
) -> list[str]:
    planted = save(court_list, path, random_)
    report = await service.load(path)
    refused = {row.row: row.code for row in report.rows if row.is_refused}
    warned = {number: set[str]() for number in planted}
    faults = []
    for told in report.rows:
        if told.row not in planted:
            faults.append(f"{path.name}: row {told.row} is reported but was not planted")
        elif not told.is_refused:
            warned[told.row].add(told.code)
    for number, row in planted.items():
        where = f"{path.name} row {number} ({row.why}: {_facts(row.cells)})"
        if refused.get(number) != row.code:
            faults.append(f"{where}: refused as {refused.get(number)}, not {row.code}")
        elif row.code is None:
            named = warned[number] & NAMED_WARNINGS
            if missing := row.warnings - named:
                faults.append(f"{where}: not warned of {sorted(missing)}")
            if surplus := named - row.warnings - row.may_warn:
                faults.append(f"{where}: warned of {sorted(surplus)}")
    expected = Counter(row.fate for row in planted.values())
    counts = asdict(report.counts)
    faults += [
        f"{path.name}: {counts[fate]} {fate}, not {expected[fate]}"
        for fate in ("created", "corrected", "ended", "unchanged", "rejected")
        if counts[fate] != expected[fate]
    ]
    if counts["total"] != len(planted):
        faults.append(f"{path.name}: {counts['total']} rows in all, not {len(planted)}")
    return faults


async def load_again_and_judge(
    service: Service, court_list: CourtList, path: Path, save: Save, random_: random.Random
) -> list[str]:
    """The same list in another form changes nothing."""
    [before] = await service.fetch("SELECT count(*) AS listings FROM listings")
    planted = save(court_list, path, random_)
    report = await service.load(path)
    counts = asdict(report.counts)
    faults = [
        f"{path.name}, again: {counts[fate]} {fate}" for fate in ("created", "corrected", "ended") if counts[fate]
    ]
    refused = {row.row: row.code for row in report.rows if row.is_refused}
    for number, row in planted.items():
        where = f"{path.name} row {number} again ({row.why}: {_facts(row.cells)})"
        if row.again == UNCHANGED and number in refused:
            faults.append(f"{where}: refused as {refused[number]}")
        if row.again == REJECTED and refused.get(number) != row.code:
            faults.append(f"{where}: refused as {refused.get(number)}, not {row.code}")
    [after] = await service.fetch("SELECT count(*) AS listings FROM listings")
    if before != after:
        faults.append(f"{path.name}, again: {after['listings']} listings, not {before['listings']}")
    return faults


async def ask_and_judge(service: Service, probes: list[Probe]) -> list[str]:
    """Half in batches, half alone; every answered check must be in the log."""
    [before] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    half = len(probes) // 2
    answers: list[tuple[int, dict[str, Any]]] = []
    for start in range(0, half, 200):
        body = {"checks": [probe.body for probe in probes[start : min(start + 200, half)]]}
        response = await service.post("/v1/checks/batch", body)
        assert response.status_code == 200, response.text
        results = response.json()["results"]
        assert len(results) == len(body["checks"])
        answers += [(each["status"], each.get("check") or each["problem"]) for each in results]
    for probe in probes[half:]:
        response = await service.post("/v1/checks", probe.body)
        answers.append((response.status_code, response.json()))
    faults = [
        f"{probe.why}: {probe.matter} {probe.subject['role']} {probe.subject['name']} {probe.subject['identifier']}: {fault}"
        for probe, (status, answer) in zip(probes, answers, strict=True)
        if (fault := _fault(probe, status, answer))
    ]
    answered = sum(status == 200 for status, _ in answers)
    [after] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    if after["n"] - before["n"] != answered:
        faults.append(f"{answered} checks were answered, {after['n'] - before['n']} are in the log")
    return faults


def _fault(probe: Probe, status: int, answer: dict[str, Any]) -> str | None:
    if status != probe.status:
        return f"status {status}, not {probe.status}"
    if status != 200:
        return None if answer["code"] == "invalid-identifier" else f"refused as {answer['code']}"
    [subject] = answer["subjects"]
    judged = {name: value for name in ("identity", "relation", "reason") if (value := getattr(probe, name)) is not None}
    got = [{name: match[name] for name in ("identity", "relation", "reason")} for match in subject["matches"]]
    if answer["decision"] != probe.decision or subject["decision"] != probe.decision:
        return f"{answer['decision']}, not {probe.decision}, by {got}"
    if probe.decision == "clear":
        return f"clear with matches {got}" if got else None
    if not got or any(got[0][name] != value for name, value in judged.items()):
        return f"{got}, not {judged}"
    return None


def _facts(cells: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in cells.items() if value not in ("", None))[:700]
