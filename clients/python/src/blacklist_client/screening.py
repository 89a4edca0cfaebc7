"""Screening a roster: slices of 512, two at a time, each under its own key; settled rows are written to the journal first."""

import asyncio
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from blacklist_client.aio import AsyncBlacklist
from blacklist_client.answers import FRESH_SECONDS, Hold
from blacklist_client.errors import NoAnswer, Refused, Unverified
from blacklist_client.journal import Journal
from blacklist_client.patience import Waits
from blacklist_client.questions import Question
from blacklist_client.receipts import Receipt
from blacklist_client.results import Result, result_of
from blacklist_client.rosters import Asking, Roster, numbered, question_of
from blacklist_client.subjects.rosters import RowRefused

UNDER_WAY = 2
PATIENCE_SECONDS = 600.0
RECEIPTS_AT_ONCE = 8
RECEIPT_SECONDS = 60.0

Asked = list[tuple[int, Question]]
Progress = Callable[[int], None]
"""Called with the number of settled rows."""


@dataclass(slots=True)
class Screening:
    """One run over a roster. `patience_seconds`: how long the service may be silent before the run is given up."""

    office: AsyncBlacklist
    roster: Roster
    asking: Asking
    journal: Journal
    patience_seconds: float = PATIENCE_SECONDS
    _answered_at: float = field(default=0.0, init=False)

    async def run(self, progress: Progress) -> dict[int, Result]:
        """Check every row that is not settled; return the result of each row that is not empty.

        Rows without an answer are not in the journal: the next run asks again.
        """
        settled, unanswered = self.journal.settled, dict[int, Result]()
        self._answered_at = asyncio.get_running_loop().time()
        turns = asyncio.Semaphore(UNDER_WAY)

        async def take(key: str, asked: Asked) -> None:
            try:
                unanswered.update(await self._settle(key, asked))
                progress(len(settled))
            finally:
                turns.release()

        progress(len(settled))
        try:
            async with asyncio.TaskGroup() as tasks:
                for number, (asked, refused) in enumerate(self._slices()):
                    self._keep(refused)
                    if any(row not in settled for row, _ in asked):
                        await turns.acquire()
                        tasks.create_task(take(self.journal.heading.key(number), asked))
        except BaseExceptionGroup as failed:  # one slice's failure cancelled the others: raise that failure
            raise failed.exceptions[0] from None
        return settled | unanswered

    async def _settle(self, key: str, asked: Asked) -> dict[int, Result]:
        """Ask until each row of a slice has its answer or refusal; return the rows that have none.

        Always the whole slice, because the key belongs to it: answered rows are replayed, not asked again.
        """
        waits, loop = Waits(), asyncio.get_running_loop()
        while True:
            found = await self.office.batch(
                [question for _, question in asked],
                key=key,
                fresh_seconds=self._age_seconds() + FRESH_SECONDS,
                screening=self.journal.heading.screening_id,
            )
            results = {row: one for (row, _), one in zip(asked, found, strict=True)}
            held = {row: one for row, one in results.items() if isinstance(one, Hold)}
            self._keep({row: result_of(results[row], question) for row, question in asked if row not in held})
            if not held:
                return {}
            wait = max(waits.next_seconds(), *(one.error.after_seconds or 0.0 for one in held.values()))
            if loop.time() + wait > self._answered_at + self.patience_seconds:
                return {row: result_of(one) for row, one in held.items()}
            await asyncio.sleep(wait)

    def _keep(self, results: Mapping[int, Result]) -> None:
        new = {row: result for row, result in results.items() if row not in self.journal.settled}
        if new:
            self.journal.settle(new)
            self._answered_at = asyncio.get_running_loop().time()

    def _age_seconds(self) -> float:
        """The age of the screening: an answer given during it belongs to this roster, however often it was interrupted."""
        return max(0.0, (datetime.now(UTC) - self.journal.heading.began_at).total_seconds())

    def _slices(self) -> Iterator[tuple[Asked, dict[int, Result]]]:
        """The same rows in the same slice on every run, because their key was used for them."""
        asked: Asked = []
        refused: dict[int, Result] = {}
        for row, cells in numbered(self.roster):
            found = question_of(self.roster, cells, self.asking)
            if isinstance(found, RowRefused):
                refused[row] = result_of(found)
            elif found is not None:
                asked.append((row, found))
            if len(asked) == self.journal.heading.slice_rows:
                yield asked, refused
                asked, refused = [], {}
        yield asked, refused


def digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


async def keep_receipts(office: AsyncBlacklist, check_ids: Mapping[int, str], file: Path, progress: Progress) -> int:
    """Fetch, verify and store the receipt of every answer by row, including clear ones; return how many are missing.

    Each is a JSON object that `verify_receipt(**content, vkey=…)` verifies again.
    """
    beside = file.with_name(f".{file.name}.part")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    waiting, kept, missing = iter(check_ids.items()), 0, 0
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as bundle:

        async def fetch_on() -> None:
            nonlocal kept, missing
            for row, check_id in waiting:
                receipt = await _receipt(office, check_id)
                if receipt is None:
                    missing += 1
                else:
                    bundle.writestr(f"{row:07d}-{check_id}.json", json.dumps(receipt.as_json()))
                kept += 1
                progress(kept)

        await asyncio.gather(*(fetch_on() for _ in range(RECEIPTS_AT_ONCE)))
    beside.replace(file)
    return missing


async def _receipt(office: AsyncBlacklist, check_id: str) -> Receipt | None:
    """None if it is not available within a minute, or is invalid."""
    waits, loop = Waits(longest_seconds=5.0), asyncio.get_running_loop()
    until = loop.time() + RECEIPT_SECONDS
    while loop.time() < until:
        try:
            return await office.receipt(check_id)
        except NoAnswer:
            await asyncio.sleep(waits.next_seconds())
        except (Refused, Unverified):
            return None
    return None
