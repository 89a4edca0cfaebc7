"""The asynchronous client.

Generated from aio.py by clients/python/generate.py: change nothing here.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
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
from blacklist_client.transport import Address, SyncTransport, drive
from blacklist_client.uploads import upload_of

T = TypeVar("T")
SILENT_SECONDS = 60.0
"""A stream that is silent for this long, without even a keep-alive, is opened again."""


class Blacklist:
    """A service, and the API key to use. Create one instance and keep it for the life of the program."""

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
        """`vkey`: the log's public key as the auditors gave it, needed for `receipt`. `adviser`: a mirror that advises on
        holds.
        """
        self.vkey = vkey
        self._adviser = adviser
        self._state = State()
        self._transport = SyncTransport(
            Address(url, key, ca_file=ca_file, client_cert=client_cert, plain_http=plain_http)
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, *, adviser: Adviser | None = None) -> Self:
        """Configure from BLACKLIST_URL, _KEY, _CA_FILE, _CLIENT_CERT, _VKEY; raise `ValueError` if they are missing or
        invalid.
        """
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # Asking

    def check(
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
        """Ask before approving: returns an answer with evidence, or a hold. Raise `Refused` if the question must be
        corrected.
        """
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
        return self.check_question(question)

    def check_question(self, question: Question) -> Answer | Hold:
        """The same for an existing `Question`."""
        return self._hold_or_answer(self._asked(question))

    def ask_again(self, hold: Hold) -> Answer | Hold:
        """Ask a held question again. Within a minute the same key is used, so that an answer that was given and lost on the
        way is returned; later another key is used, because a stored answer would be out of date.
        """
        if hold.asked is None:
            raise ValueError("this hold keeps no question")
        return self._hold_or_answer(self._renewed(hold.asked))

    def ask(self, question: Question) -> Answer:
        """The same, but raise `NoAnswer` where `check` returns a hold."""
        return self._do(calls.ask(self._asked(question)))

    def batch(
        self,
        questions: Sequence[Question],
        *,
        key: str | None = None,
        fresh_seconds: float = FRESH_SECONDS,
        screening: str | None = None,
    ) -> list[Answer | Hold | Refused]:
        """Up to 1,000 checks at once, each answered separately; a refused item is in its place in the result.

        `key`: the key under which the same batch was sent before, so that answered items are not asked again; such answers
        count if they are at most `fresh_seconds` old, and are holds otherwise. `screening`: the name of the screening of a
        roster that this batch is part of.
        """
        batch = Batch.of(questions, key, screening)
        try:
            found = self._do(calls.ask_many(batch, fresh_seconds))
        except NoAnswer as error:
            return [hold_of(error, self._asked(question), self._adviser) for question in batch.questions]
        return [
            hold_of(one, self._asked(question), self._adviser) if isinstance(one, NoAnswer) else one
            for one, question in zip(found, batch.questions, strict=True)
        ]

    def matters(self, *, on: date | None = None) -> MatterPage:
        """The matters that can be asked about, with their roles and legal basis; `on`: as of a day."""
        return self._do(calls.get(MatterPage, "matters", on=on))

    # After the answer

    def recorded(self, check_id: UUID | str) -> RecordedCheckResponse:
        """The stored answer, with its leaf in the log."""
        return self._do(calls.get(RecordedCheckResponse, "checks", check_id))

    def record_outcome(
        self,
        check_id: UUID | str,
        action: OutcomeAction | str,
        *,
        reason: str | None = None,
        operator: str | None = None,
    ) -> OutcomeResponse:
        """Record what the office did with an answer; overriding a block needs a reason."""
        said = OutcomeRequest(action=OutcomeAction(action), reason=reason, operator=operator)
        return self._do(calls.put(OutcomeResponse, "checks", check_id, "outcome", body=said))

    def waiting(self, *, overdue: bool = False, cursor: str | None = None) -> WaitingPage:
        """Blocks and flags without an outcome."""
        return self._do(calls.get(WaitingPage, "checks", pending="outcome", overdue=overdue, cursor=cursor))

    def explanation(self, check_id: UUID | str) -> str:
        """The printable explanation for the person concerned (PIPL Art. 24), as text."""
        return self._do(calls.get_text("checks", check_id, "explanation"))

    def receipt(self, check_id: UUID | str, *, newer_than: int = 0, witnesses: Sequence[str] = ()) -> Receipt:
        """The proof that a check was asked and answered in this way, verified with `vkey`; store it with the matter.

        Raise `NoAnswer` while the check is not sealed yet (seconds), `Unverified` if the proof is invalid. `newer_than`: the
        size of the largest checkpoint seen before; the log must not be smaller.
        """
        if self.vkey is None:
            raise ValueError("a receipt is verified by the log's key (vkey), which the auditors hand over")
        found = self.recorded(check_id)
        proof = self._do(calls.get_text("checks", check_id, "receipt"))
        return verify_receipt(
            found.answer, proof, found.leaf, found.leaf_salt, self.vkey, witnesses=witnesses, newer_than=newer_than
        )

    # Being told

    def changes(self, after: int, *, limit: int | None = None) -> ChangePage:
        """Changes of the public list, each once, in order; store `next` and continue from there."""
        return self._do(calls.get(ChangePage, "changes", after=after, limit=limit))

    def list_statement(self) -> str:
        """The list's newest state as a signed note (`statements.read_statement` verifies it)."""
        return self._do(calls.get_text("list", "statement"))

    def feed(self) -> Generator[FeedPart, None, None]:
        """Everything that a copy of the change feed holds now, in parts of one snapshot; continue with
        `changes(list_version)`.
        """
        request = Request("GET", calls.target("publication", set="feed"), headers={"accept": "application/x-ndjson"})
        with self._transport.open(request, silent_seconds=SILENT_SECONDS) as (reply, pieces):
            reader = FeedReader.of(succeeded(reply))
            yield FeedPart(reader.list_version, [])
            for piece in pieces:
                yield reader.feed(piece)
            reader.end()

    def notices(self, *, state: str | None = None, cursor: str | None = None) -> NoticePage:
        """A court's notices to this member."""
        return self._do(calls.get(NoticePage, "notices", state=state, cursor=cursor))

    def notice(self, notice_id: UUID | str) -> NoticeResponse:
        return self._do(calls.get(NoticeResponse, "notices", notice_id))

    def acknowledge_notice(self, notice_id: UUID | str, *, operator: str | None = None) -> NoticeResponse:
        said = calls.said(operator=operator)
        return self._do(calls.post(NoticeResponse, "notices", notice_id, "acknowledgement", body=said))

    def reply_to_notice(self, notice_id: UUID | str, reply: ReplyRequest) -> NoticeResponse:
        return self._do(calls.post(NoticeResponse, "notices", notice_id, "reply", body=reply))

    def follow_notices(self, after: int | None = None) -> Iterator[ServerSentEvent]:
        """A court's notices as they change, until the connection ends: `data` is the notice, `id` the position to continue
        from.
        """
        for event in self._events("notices", "stream", last=after):
            yield event

    # Watches

    def open_watches(
        self,
        check_ids: Sequence[UUID | str],
        until: date,
        *,
        tell: Literal["decision", "matches"] = "decision",
        after_outcome: bool = False,
        operator: str | None = None,
    ) -> list[WatchResponse]:
        """Watch the questions of up to 1,000 earlier checks; changes since then are reported at once."""
        said = calls.said(
            check_ids=[str(one) for one in check_ids],
            until=until,
            tell=tell,
            after_outcome=after_outcome,
            operator=operator,
        )
        return (self._do(calls.post(WatchList, "watches", body=said))).items

    def watches(
        self,
        *,
        state: Literal["open", "closed"] | None = None,
        reference: str | None = None,
        cursor: str | None = None,
    ) -> WatchPage:
        return self._do(calls.get(WatchPage, "watches", state=state, reference=reference, cursor=cursor))

    def watch(self, watch_id: UUID | str) -> WatchResponse:
        return self._do(calls.get(WatchResponse, "watches", watch_id))

    def change_watch(
        self,
        watch_id: UUID | str,
        until: date,
        *,
        tell: Literal["decision", "matches"] = "decision",
        after_outcome: bool = False,
        operator: str | None = None,
    ) -> WatchResponse:
        said = calls.said(until=until, tell=tell, after_outcome=after_outcome, operator=operator)
        return self._do(calls.put(WatchResponse, "watches", watch_id, body=said))

    def close_watch(self, watch_id: UUID | str, *, operator: str | None = None) -> WatchResponse:
        """Close the watch: its question is deleted, and only its end is still reported."""
        return self._do(calls.post(WatchResponse, "watches", watch_id, "closure", body=calls.said(operator=operator)))

    def event_page(self, after: int | None = None, *, limit: int | None = None) -> EventPage:
        """Events after event `after`, or after the last acknowledged one. Raise `Gone` if the service was restored to an
        earlier state (start again without `after`, and compare with `watches`), or if events after it were deleted.
        """
        return self._do(calls.get(EventPage, "watch-events", after=after, limit=limit))

    def events(self, after: int | None = None) -> Iterator[EventResponse]:
        """All events since then, in order and without a gap, up to the newest."""
        more = True
        while more:
            page = self.event_page(after)
            after, more = page.next, page.more
            for event in page.items:
                yield event

    def follow_events(self, after: int | None = None) -> Iterator[EventResponse]:
        """All events since then, and further ones as they happen, without end. An interrupted stream is continued.

        Process an event and store its sequence number in one transaction of your own; then call `acknowledge_events`.
        """
        waits = Waits()
        while True:
            try:
                page = self.event_page(after)
                after = page.next
                waits.begin_anew()
                for event in page.items:
                    yield event
                if page.more:
                    continue
                with closing(self._events("watch-events", "stream", last=after)) as stream:
                    for told in stream:
                        event = read(EventResponse, parse(told.data.encode()))
                        if event.sequence != after + 1:
                            break  # the feed has the events in between
                        after = event.sequence
                        yield event
            except NoAnswer:
                pass
            self._transport.wait(waits.next_seconds())

    def acknowledge_events(self, through: int, *, operator: str | None = None) -> FeedResponse:
        """Confirm that this office received every event up to `through`: recorded there as proof."""
        said = calls.said(through=through, operator=operator)
        return self._do(calls.post(FeedResponse, "watch-events", "acknowledgement", body=said))

    # A court's acts

    def publish(self, listing: PublishRequest) -> ActResponse:
        """Publish a listing. Publishing the same content again changes nothing."""
        return self._do(calls.post(ActResponse, "listings", body=listing))

    def act(self, listing_id: UUID | str, version: int, act: calls.Act) -> ActResponse | WithdrawalResponse:
        """Correct, delete, withdraw, extend, dispute, suspend or resume a listing at the version that was seen.

        Raise `Conflict` if it has changed since.
        """
        path = ("listings", listing_id, calls.ACTS[type(act)])
        if isinstance(act, WithdrawalRequest):
            return self._do(calls.post(WithdrawalResponse, *path, body=act, version=version))
        return self._do(calls.post(ActResponse, *path, body=act, version=version))

    def listing(self, listing_id: UUID | str) -> ListingResponse:
        return self._do(calls.get(ListingResponse, "listings", listing_id))

    def listings(
        self, *, case_number: str | None = None, state: str | None = None, cursor: str | None = None
    ) -> ListingPage:
        wanted = {"case_number": case_number, "state": state, "cursor": cursor}
        return self._do(calls.get(ListingPage, "listings", **wanted))

    def import_file(
        self,
        file: Path,
        *,
        mode: Literal["upsert", "snapshot"] = "upsert",
        dry_run: bool = False,
        key: str | None = None,
    ) -> QueuedResponse:
        """Upload a list file; it becomes a job. `key`: the key with which to repeat an interrupted upload."""
        upload = upload_of(file)
        where = calls.target("imports", mode=mode, dry_run=dry_run)
        return self._do(calls.upload(QueuedResponse, where, upload, key or new_key()))

    def import_state(self, import_id: UUID | str) -> ImportResponse:
        return self._do(calls.get(ImportResponse, "imports", import_id))

    def import_rows(
        self, import_id: UUID | str, *, status: Literal["rejected", "warned"] = "rejected", cursor: str | None = None
    ) -> RowPage:
        return self._do(calls.get(RowPage, "imports", import_id, "rows", status=status, cursor=cursor))

    def confirm_import(self, import_id: UUID | str) -> QueuedResponse:
        return self._do(calls.post(QueuedResponse, "imports", import_id, "confirmation"))

    def cancel_import(self, import_id: UUID | str) -> QueuedResponse:
        return self._do(calls.post(QueuedResponse, "imports", import_id, "cancellation"))

    def heartbeat(self) -> HeartbeatResponse:
        """Confirm that this court's list is current although nothing changed."""
        return self._do(calls.post(HeartbeatResponse, "list", "heartbeat"))

    # The log

    def shown_vkey(self) -> str:
        """The log's public keys, one a line, as the service shows them: compare them with those the auditors gave you."""
        return self._do(calls.get_text("ledger", "vkey"))

    def ledger_keys(self) -> LedgerKeysResponse:
        """The log's public keys as the service gives them: compare them with those the auditors gave you; do not trust them
        otherwise.
        """
        return self._do(calls.get(LedgerKeysResponse, "ledger", "keys"))

    # How it is done

    def _asked(self, question: Question) -> Asked:
        return Asked(question, dump(question.wire()), new_key(), self._state.clock())

    def _renewed(self, asked: Asked) -> Asked:
        now = self._state.clock()
        if now - asked.minted <= FRESH_SECONDS:
            return asked
        return Asked(asked.question, asked.content, new_key(), now)

    def _hold_or_answer(self, asked: Asked) -> Answer | Hold:
        try:
            return self._do(calls.ask(asked))
        except NoAnswer as error:
            return hold_of(error, asked, self._adviser)

    def _do(self, call: Call[T]) -> T:
        return drive(converse(call, self._state), self._transport)

    def _events(self, *path: object, last: int | None, **query: object) -> Generator[ServerSentEvent, None, None]:
        headers = {"accept": "text/event-stream"} | ({} if last is None else {"last-event-id": str(last)})
        request = Request("GET", calls.target(*path, **query), headers=headers)
        reader = EventReader()
        with self._transport.open(request, silent_seconds=SILENT_SECONDS) as (reply, pieces):
            succeeded(reply)
            for piece in pieces:
                for event in reader.feed(piece):
                    yield event
