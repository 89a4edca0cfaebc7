"""Being told: an answer that changes puts the application back before an officer."""

from blacklist_client import AsyncBlacklist, Decision
from blacklist_client.answers import reasons_of
from blacklist_client.errors import Gone, NoAnswer
from blacklist_client.models import EventResponse, EventType
from blacklist_client.reading import write
from examples.approval_system.store import State, Store

TOLD = {Decision.BLOCK: "现为停止办理", Decision.FLAG: "现须人工审核", Decision.CLEAR: "现无限制"}


async def follow(office: AsyncBlacklist, store: Store) -> None:
    """Take in every event, for ever. What was taken in is kept before it is acknowledged."""
    while True:
        try:
            async for event in office.follow_events(store.last_event()):
                take_in(store, event, await _reasons(office, event))
                await _acknowledge(office, event.sequence)
        except Gone:
            store.forget_events()


def take_in(store: Store, event: EventResponse, reasons: list[str]) -> None:
    """The event and its effect are one transaction: told twice, it takes effect once."""
    with store.transaction():
        if not store.keep_event(event.sequence, event.type, event.reference, write(event)):
            return
        application = store.by_reference(event.reference)
        if application is None or application.state in {State.REFUSED, State.FILED, State.TO_MEND}:
            return
        if event.type == EventType.CHECK_LISTING_WITHDRAWN:
            store.settle(application, State.WITH_OFFICER, why="此前所依据的失信信息已被撤销，请重新审核")
        elif event.type == EventType.WATCH_DECISION_CHANGED and event.after is not None:
            store.settle(
                application,
                State.WITH_OFFICER,
                why=f"核查结论已变化：{TOLD[event.after]}",
                reasons=reasons,
                check_id=str(event.check_id),
                decision=event.after,
            )


async def _reasons(office: AsyncBlacklist, event: EventResponse) -> list[str]:
    """An event says no more than that something changed: why, the answer says, and reading it is on record."""
    try:
        return reasons_of((await office.recorded(event.check_id)).subjects)
    except NoAnswer:
        return []


async def _acknowledge(office: AsyncBlacklist, sequence: int) -> None:
    try:
        await office.acknowledge_events(sequence)
    except NoAnswer:
        return  # a later one says it of this one too
