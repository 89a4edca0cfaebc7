"""How an approval system asks: what it does with an answer, with a hold, with a refusal, and with what an officer did."""

from datetime import UTC, datetime, timedelta, timezone

from blacklist_client import Answer, AsyncBlacklist, BlacklistError, Decision, Hold, NoAnswer, Refused, person
from blacklist_client.results import REFUSALS
from examples.approval_system.store import Application, State, Store

SHANGHAI = timezone(timedelta(hours=8))
MATTER = "civil_service_recruitment"
HELD = "暂无核查结果，系统将自动重新核查"
WATCHED = timedelta(days=180)
"""From the application to the end of the probation: so long a change of the answer is told."""


class Desk:
    def __init__(self, office: AsyncBlacklist, store: Store) -> None:
        self._office = office
        self._store = store

    async def ask(self, application: Application) -> None:
        """Ask about an application, and move it on as far as the answer allows."""
        try:
            found = await self._check(application)
        except Refused as refused:  # nobody was judged: mend the question
            self._store.settle(application, State.TO_MEND, why=REFUSALS.get(refused.code, refused.detail))
            return
        match found:
            case Hold():
                self._store.hold(application, HELD, found.again_at)
            case Answer(decision=Decision.CLEAR):
                self._settle(application, State.GOES_ON, found)
            case Answer():
                # A block is not a refusal: the law gives it to an officer, with its reasons.
                self._settle(application, State.WITH_OFFICER, found)

    async def appoint(self, application: Application, officer: str) -> None:
        """The last question is asked now: what was clear a month ago says nothing of today."""
        try:
            found = await self._check(application, operator=officer)
        except Refused as refused:
            self._store.settle(application, State.TO_MEND, why=REFUSALS.get(refused.code, refused.detail))
            return
        match found:
            case Hold():
                self._store.settle(application, State.GOES_ON, why=f"尚未录用：{HELD}")
            case Answer(decision=Decision.CLEAR):
                self._settle(application, State.APPOINTED, found)
            case Answer():
                self._settle(application, State.WITH_OFFICER, found)

    async def ask_what_waits(self) -> None:
        """Everything that was filed and has no answer, when its time has come; also what a crash left."""
        for application in self._store.to_ask(datetime.now(UTC)):
            await self.ask(application)

    async def tell_what_was_done(self) -> None:
        for outcome in self._store.untold_outcomes():
            try:
                await self._office.record_outcome(
                    outcome["check_id"], outcome["action"], reason=outcome["reason"], operator=outcome["officer"]
                )
            except NoAnswer:
                return  # the next round
            self._store.outcome_told(outcome["id"])

    async def keep_receipts(self) -> None:
        """Verified, beside the application: proof of what was asked and answered, for as long as the file is kept."""
        if self._office.vkey is None:
            return
        for check_id in self._store.without_receipt():
            try:
                receipt = await self._office.receipt(check_id)
            except BlacklistError:
                continue  # not sealed yet, or away
            self._store.keep_receipt(check_id, dict(receipt.as_json()))

    async def _check(self, application: Application, *, operator: str | None = None) -> Answer | Hold:
        return await self._office.check(
            MATTER,
            reference=application.reference,
            subjects=[person(application.name, resident_id=application.number, role="applicant")],
            operator=operator,
            watch_until=datetime.now(SHANGHAI).date() + WATCHED if operator is None else None,
            watch_after_outcome=True,  # who was appointed stays watched
        )

    def _settle(self, application: Application, state: State, found: Answer) -> None:
        self._store.settle(
            application, state, reasons=found.reasons(), check_id=str(found.check_id), decision=found.decision
        )
