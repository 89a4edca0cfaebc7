"""The client, awaited."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar
from uuid import UUID

from blacklist_client import calls
from blacklist_client.answers import FRESH_SECONDS, Adviser, Answer, Asked, Hold, hold_of
from blacklist_client.calls import Batch, new_key
from blacklist_client.configuration import from_environment
from blacklist_client.conversation import Call, Request, State, converse, succeeded
from blacklist_client.errors import NoAnswer, Refused
from blacklist_client.feeding import FeedPart, FeedReader
from blacklist_client.models import (
    ActResponse,
    ChangePage,
    EventPage,
    EventResponse,
    FeedResponse,
    HeartbeatResponse,
    ImportResponse,
    LedgerKeysResponse,
    ListingPage,
    ListingResponse,
    MatterPage,
    NoticePage,
    NoticeResponse,
    OutcomeAction,
    OutcomeRequest,
    OutcomeResponse,
    PublishRequest,
    QueuedResponse,
    RecordedCheckResponse,
    ReplyRequest,
    RowPage,
    SubjectRequest,
    WaitingPage,
    WatchList,
    WatchPage,
    WatchResponse,
    WithdrawalRequest,
    WithdrawalResponse,
)
from blacklist_client.patience import Waits
from blacklist_client.questions import Question
from blacklist_client.reading import dump, parse, read
from blacklist_client.receipts import Receipt, verify_receipt
from blacklist_client.streams import EventReader, ServerSentEvent
from blacklist_client.transport import Address, AsyncTransport, drive_async
from blacklist_client.uploads import upload_of

T = TypeVar("T")
SILENT_SECONDS = 60.0
"""A stream from which nothing comes for so long, not even a sign of life, is opened anew."""


class AsyncBlacklist:
    """A service, and the key it is asked with. Made once, used for as long as the program runs."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        ca_file: Path | None = None,
        client_cert: Path | None = None,
        vkey: str | None = None,
        plain_http: bool = False,
        adviser: Adviser | None = None,
    ) -> None:
        """`vkey`: the log's public key, handed over by the auditors, for `receipt`. `adviser`: a mirror, for holds."""
        self.vkey = vkey
        self._adviser = adviser
        self._state = State()
        self._transport = AsyncTransport(
            Address(url, key, ca_file=ca_file, client_cert=client_cert, plain_http=plain_http)
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, *, adviser: Adviser | None = None) -> Self:
        """By BLACKLIST_URL, _KEY, _CA_FILE, _CLIENT_CERT, _VKEY; raise `ValueError` where they do not do."""
        found = from_environment(environment)
        address = found.address
        return cls(
            address.url,
            address.key,
            ca_file=address.ca_file,
            client_cert=address.client_cert,
            plain_http=address.plain_http,
            vkey=found.vkey,
            adviser=adviser,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    # Asking

    async def check(
        self,
        matter: str,
        *,
        reference: str,
        subjects: Sequence[SubjectRequest],
        operator: str | None = None,
        object: str | None = None,
        watch_until: date | None = None,
        watch_tell: Literal["decision", "matches"] = "decision",
        watch_after_outcome: bool = False,
    ) -> Answer | Hold:
        """Ask before approving: an answer with evidence, or a hold. Raise `Refused` where the question must be mended."""
        question = Question(
            matter=matter,
            reference=reference,
            subjects=tuple(subjects),
            operator=operator,
            object=object,
            watch_until=watch_until,
            watch_tell=watch_tell,
            watch_after_outcome=watch_after_outcome,
        )
        return await self.check_question(question)

    async def check_question(self, question: Question) -> Answer | Hold:
        """The same, of a question that was made before."""
        return await self._hold_or_answer(self._asked(question))

    async def ask_again(self, hold: Hold) -> Answer | Hold:
        """Ask a held question again. Within a minute under the same key, so that an answer that was given and lost on the
        way is this one; later under another, for a stored answer says nothing of now.
        """
        if hold.asked is None:
            raise ValueError("this hold keeps no question")
        return await self._hold_or_answer(self._renewed(hold.asked))

    async def ask(self, question: Question) -> Answer:
        """The same, raising `NoAnswer` where `check` returns a hold."""
        return await self._do(calls.ask(self._asked(question)))

    async def batch(
        self,
        questions: Sequence[Question],
        *,
        key: str | None = None,
        fresh_seconds: float = FRESH_SECONDS,
        screening: str | None = None,
    ) -> list[Answer | Hold | Refused]:
        """Up to 1,000 at once, each its own check; an item that is refused is in its place.

        `key`: under which the same batch was sent before, so that what was answered then is not asked again; such answers
        are taken if they are at most `fresh_seconds` old, and are holds otherwise. `screening`: the name of the screening of
        a roster that this is a part of.
        """
        batch = Batch.of(questions, key, screening)
        try:
            found = await self._do(calls.ask_many(batch, fresh_seconds))
        except NoAnswer as error:
            return [hold_of(error, self._asked(question), self._adviser) for question in batch.questions]
        return [
            hold_of(one, self._asked(question), self._adviser) if isinstance(one, NoAnswer) else one
            for one, question in zip(found, batch.questions, strict=True)
        ]

    async def matters(self, *, on: date | None = None) -> MatterPage:
        """The matters that can be asked about, their roles and the law behind each; `on`: as of a day."""
        return await self._do(calls.get(MatterPage, "matters", on=on))

    # After the answer

    async def recorded(self, check_id: UUID | str) -> RecordedCheckResponse:
        """The stored answer, with its leaf of the log."""
        return await self._do(calls.get(RecordedCheckResponse, "checks", check_id))

    async def record_outcome(
        self,
        check_id: UUID | str,
        action: OutcomeAction | str,
        *,
        reason: str | None = None,
        operator: str | None = None,
    ) -> OutcomeResponse:
        """What the office did about an answer; a block that is overridden needs a reason."""
        said = OutcomeRequest(action=OutcomeAction(action), reason=reason, operator=operator)
        return await self._do(calls.put(OutcomeResponse, "checks", check_id, "outcome", body=said))

    async def waiting(self, *, overdue: bool = False, cursor: str | None = None) -> WaitingPage:
        """Blocks and flags of which nobody has said yet what was done."""
        return await self._do(calls.get(WaitingPage, "checks", pending="outcome", overdue=overdue, cursor=cursor))

    async def explanation(self, check_id: UUID | str) -> str:
        """The printable explanation for the person concerned (PIPL Art. 24), as text."""
        return await self._do(calls.get_text("checks", check_id, "explanation"))

    async def receipt(self, check_id: UUID | str, *, newer_than: int = 0, witnesses: Sequence[str] = ()) -> Receipt:
        """The proof that a check was asked and answered so, verified under `vkey`; keep it beside the matter.

        Raise `NoAnswer` while the check is not sealed yet (seconds), `Unverified` where the proof proves nothing.
        `newer_than`: the size of the largest checkpoint that was seen before, below which a log may not fall.
        """
        if self.vkey is None:
            raise ValueError("a receipt is verified by the log's key (vkey), which the auditors hand over")
        found = await self.recorded(check_id)
        proof = await self._do(calls.get_text("checks", check_id, "receipt"))
        return verify_receipt(
            found.answer, proof, found.leaf, found.leaf_salt, self.vkey, witnesses=witnesses, newer_than=newer_than
        )

    # Being told

    async def changes(self, after: int, *, limit: int | None = None) -> ChangePage:
        """Changes of the public list, each once, in order; keep `next` and go on from there."""
        return await self._do(calls.get(ChangePage, "changes", after=after, limit=limit))

    async def list_statement(self) -> str:
        """The list's newest state as a signed note (`statements.read_statement` verifies it)."""
        return await self._do(calls.get_text("list", "statement"))

    async def feed(self) -> AsyncGenerator[FeedPart, None]:
        """All that a copy of the change feed holds now, in parts of one snapshot; go on with `changes(list_version)`."""
        request = Request("GET", calls.target("publication", set="feed"), headers={"accept": "application/x-ndjson"})
        async with self._transport.open(request, silent_seconds=SILENT_SECONDS) as (reply, pieces):
            reader = FeedReader.of(succeeded(reply))
            yield FeedPart(reader.list_version, [])
            async for piece in pieces:
                yield reader.feed(piece)
            reader.end()

    async def notices(self, *, state: str | None = None, cursor: str | None = None) -> NoticePage:
        """A court's notices to this member."""
        return await self._do(calls.get(NoticePage, "notices", state=state, cursor=cursor))

    async def notice(self, notice_id: UUID | str) -> NoticeResponse:
        return await self._do(calls.get(NoticeResponse, "notices", notice_id))

    async def acknowledge_notice(self, notice_id: UUID | str, *, operator: str | None = None) -> NoticeResponse:
        said = calls.said(operator=operator)
        return await self._do(calls.post(NoticeResponse, "notices", notice_id, "acknowledgement", body=said))

    async def reply_to_notice(self, notice_id: UUID | str, reply: ReplyRequest) -> NoticeResponse:
        return await self._do(calls.post(NoticeResponse, "notices", notice_id, "reply", body=reply))

    async def follow_notices(self, after: int | None = None) -> AsyncIterator[ServerSentEvent]:
        """A court's notices as they move, until the connection ends: `data` is the notice, `id` where to go on from."""
        async for event in self._events("notices", "stream", last=after):
            yield event

    # Watches

    async def open_watches(
        self,
        check_ids: Sequence[UUID | str],
        until: date,
        *,
        tell: Literal["decision", "matches"] = "decision",
        after_outcome: bool = False,
        operator: str | None = None,
    ) -> list[WatchResponse]:
        """Keep the questions of up to 1,000 earlier checks open; what changed since is told at once."""
        said = calls.said(
            check_ids=[str(one) for one in check_ids],
            until=until,
            tell=tell,
            after_outcome=after_outcome,
            operator=operator,
        )
        return (await self._do(calls.post(WatchList, "watches", body=said))).items

    async def watches(
        self,
        *,
        state: Literal["open", "closed"] | None = None,
        reference: str | None = None,
        cursor: str | None = None,
    ) -> WatchPage:
        return await self._do(calls.get(WatchPage, "watches", state=state, reference=reference, cursor=cursor))

    async def watch(self, watch_id: UUID | str) -> WatchResponse:
        return await self._do(calls.get(WatchResponse, "watches", watch_id))

    async def change_watch(
        self,
        watch_id: UUID | str,
        until: date,
        *,
        tell: Literal["decision", "matches"] = "decision",
        after_outcome: bool = False,
        operator: str | None = None,
    ) -> WatchResponse:
        said = calls.said(until=until, tell=tell, after_outcome=after_outcome, operator=operator)
        return await self._do(calls.put(WatchResponse, "watches", watch_id, body=said))

    async def close_watch(self, watch_id: UUID | str, *, operator: str | None = None) -> WatchResponse:
        """Its question is deleted; nothing more is told of it but that it ended."""
        return await self._do(
            calls.post(WatchResponse, "watches", watch_id, "closure", body=calls.said(operator=operator))
        )

    async def event_page(self, after: int | None = None, *, limit: int | None = None) -> EventPage:
        """What changed after event `after`, or after the last that was acknowledged. Raise `Gone` where the service was
        restored to before it (begin anew without `after`, and compare with `watches`), or keeps what follows no longer.
        """
        return await self._do(calls.get(EventPage, "watch-events", after=after, limit=limit))

    async def events(self, after: int | None = None) -> AsyncIterator[EventResponse]:
        """All that happened since, in order and without a gap, to the newest."""
        more = True
        while more:
            page = await self.event_page(after)
            after, more = page.next, page.more
            for event in page.items:
                yield event

    async def follow_events(self, after: int | None = None) -> AsyncIterator[EventResponse]:
        """All that happened since, then each as it happens, without end. What breaks is begun anew where it ended.

        Take an event in and keep its sequence in one transaction of yours; then `acknowledge_events`.
        """
        waits = Waits()
        while True:
            try:
                page = await self.event_page(after)
                after = page.next
                waits.begin_anew()
                for event in page.items:
                    yield event
                if page.more:
                    continue
                async with aclosing(self._events("watch-events", "stream", last=after)) as stream:
                    async for told in stream:
                        event = read(EventResponse, parse(told.data.encode()))
                        if event.sequence != after + 1:
                            break  # the feed has what is between
                        after = event.sequence
                        yield event
            except NoAnswer:
                pass
            await self._transport.wait(waits.next_seconds())

    async def acknowledge_events(self, through: int, *, operator: str | None = None) -> FeedResponse:
        """Say that this office was told of every event up to `through`: kept there as proof."""
        said = calls.said(through=through, operator=operator)
        return await self._do(calls.post(FeedResponse, "watch-events", "acknowledgement", body=said))

    # A court's acts

    async def publish(self, listing: PublishRequest) -> ActResponse:
        """List a debtor. Published again with the same content, nothing changes."""
        return await self._do(calls.post(ActResponse, "listings", body=listing))

    async def act(self, listing_id: UUID | str, version: int, act: calls.Act) -> ActResponse | WithdrawalResponse:
        """Correct, delete, withdraw, extend, dispute, suspend or resume a listing at the version that was seen.

        Raise `Conflict` where it has changed since.
        """
        path = ("listings", listing_id, calls.ACTS[type(act)])
        if isinstance(act, WithdrawalRequest):
            return await self._do(calls.post(WithdrawalResponse, *path, body=act, version=version))
        return await self._do(calls.post(ActResponse, *path, body=act, version=version))

    async def listing(self, listing_id: UUID | str) -> ListingResponse:
        return await self._do(calls.get(ListingResponse, "listings", listing_id))

    async def listings(
        self, *, case_number: str | None = None, state: str | None = None, cursor: str | None = None
    ) -> ListingPage:
        wanted = {"case_number": case_number, "state": state, "cursor": cursor}
        return await self._do(calls.get(ListingPage, "listings", **wanted))

    async def import_file(
        self,
        file: Path,
        *,
        mode: Literal["upsert", "snapshot"] = "upsert",
        dry_run: bool = False,
        key: str | None = None,
    ) -> QueuedResponse:
        """Send a list file; it becomes a job. `key`: what an upload that was cut is sent again under."""
        upload = upload_of(file)
        where = calls.target("imports", mode=mode, dry_run=dry_run)
        return await self._do(calls.upload(QueuedResponse, where, upload, key or new_key()))

    async def import_state(self, import_id: UUID | str) -> ImportResponse:
        return await self._do(calls.get(ImportResponse, "imports", import_id))

    async def import_rows(
        self, import_id: UUID | str, *, status: Literal["rejected", "warned"] = "rejected", cursor: str | None = None
    ) -> RowPage:
        return await self._do(calls.get(RowPage, "imports", import_id, "rows", status=status, cursor=cursor))

    async def confirm_import(self, import_id: UUID | str) -> QueuedResponse:
        return await self._do(calls.post(QueuedResponse, "imports", import_id, "confirmation"))

    async def cancel_import(self, import_id: UUID | str) -> QueuedResponse:
        return await self._do(calls.post(QueuedResponse, "imports", import_id, "cancellation"))

    async def heartbeat(self) -> HeartbeatResponse:
        """Say that this court's list is as it should be, though nothing changed."""
        return await self._do(calls.post(HeartbeatResponse, "list", "heartbeat"))

    # The log

    async def shown_vkey(self) -> str:
        """The log's public keys, one a line, as the service shows them: compare them with those that were handed over."""
        return await self._do(calls.get_text("ledger", "vkey"))

    async def ledger_keys(self) -> LedgerKeysResponse:
        """The log's public keys as the service says them: to be compared with those that were handed over, not trusted."""
        return await self._do(calls.get(LedgerKeysResponse, "ledger", "keys"))

    # How it is done

    def _asked(self, question: Question) -> Asked:
        return Asked(question, dump(question.wire()), new_key(), self._state.clock())

    def _renewed(self, asked: Asked) -> Asked:
        now = self._state.clock()
        if now - asked.minted <= FRESH_SECONDS:
            return asked
        return Asked(asked.question, asked.content, new_key(), now)

    async def _hold_or_answer(self, asked: Asked) -> Answer | Hold:
        try:
            return await self._do(calls.ask(asked))
        except NoAnswer as error:
            return hold_of(error, asked, self._adviser)

    async def _do(self, call: Call[T]) -> T:
        return await drive_async(converse(call, self._state), self._transport)

    async def _events(self, *path: object, last: int | None, **query: object) -> AsyncGenerator[ServerSentEvent, None]:
        headers = {"accept": "text/event-stream"} | ({} if last is None else {"last-event-id": str(last)})
        request = Request("GET", calls.target(*path, **query), headers=headers)
        reader = EventReader()
        async with self._transport.open(request, silent_seconds=SILENT_SECONDS) as (reply, pieces):
            succeeded(reply)
            async for piece in pieces:
                for event in reader.feed(piece):
                    yield event
