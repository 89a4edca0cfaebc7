"""`follow`: apply another installation's list as this one's, as long as each page continues what is here."""

import asyncio
import base64
import json
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from blacklist_service.cli.asking import NOT_REACHED, RefusedError, ServiceAddress
from blacklist_service.cli.environment import Workplace
from blacklist_service.clock import now
from blacklist_service.database.connections import LOST, Connection
from blacklist_service.ledger.notes import Note, NoteError, VerifierKey
from blacklist_service.ledger.statements import LIFE, ListState, read_statement
from blacklist_service.ledger.successions import first_name
from blacklist_service.listings.following.applying import Follower, FollowingRefusedError
from blacklist_service.listings.following.sealing import context_of, open_page
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.queries import known_courts
from blacklist_service.subjects.digests import Digester

TIMEOUT_SECONDS = 60
MOST_BYTES = 64 << 20
PAGE = 500
"""Changes per page, as many as the other installation sends at once; how many take effect at once is another limit."""
VERIFY_EVERY = timedelta(hours=1)
CLOCKS_DIFFER = timedelta(minutes=5)
FOLLOW_LOCK = 0x666F_6C6C
REDIRECTS = range(300, 400)


class Unreachable(Exception):  # noqa: N818 - what it is
    """The other installation does not answer now; it will be asked again."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Changes after a cursor, decrypted."""

    items: list[Mapping[str, Any]]
    next: int
    list_version: int
    more: bool


@dataclass(frozen=True, slots=True)
class Upstream:
    """The installation that is followed. `keys` are its log's keys, obtained by another way than from itself."""

    service: ServiceAddress
    keys: tuple[VerifierKey, ...]
    private_key: X25519PrivateKey

    @property
    def origin(self) -> str:
        return self.keys[0].name

    def state(self) -> ListState:
        """The state of its list now, as it signs it. Raise `FollowingRefusedError` if the statement is not signed, or too
        old.
        """
        try:
            state = read_statement(Note.parse(self._get("/v1/list/statement").decode()), self.keys)
        except (NoteError, UnicodeDecodeError) as error:
            raise FollowingRefusedError(f"{error}") from None
        if state.at + LIFE < now():
            raise FollowingRefusedError(
                "the other list's signed statement is too old: it does not show the current list"
            )
        if state.at > now() + CLOCKS_DIFFER:
            raise FollowingRefusedError(
                "the other list's signed statement is from the future: one of the clocks is wrong"
            )
        return state

    def page(self, after: int, limit: int = PAGE) -> FeedPage:
        query = urllib.parse.urlencode({"after": after, "limit": limit})
        try:
            found = json.loads(self._get(f"/v1/changes/sealed?{query}"))
            context = context_of(
                origin=self.origin,
                member=found["member"],
                after=after,
                next_=found["next"],
                list_version=found["list_version"],
            )
            items = json.loads(open_page(base64.b64decode(found["sealed"]), self.private_key, context))
            return FeedPage(items, found["next"], found["list_version"], found["more"])
        except (ValueError, KeyError, TypeError):
            raise Unreachable("the answer is not a page of a change feed") from None

    def _get(self, target: str) -> bytes:
        try:
            return self.service.get(target)
        except RefusedError as error:
            raise _refused(error.status) from None
        except NOT_REACHED as error:
            raise Unreachable(f"not reached ({type(error).__name__})") from None


def _refused(status: int) -> Exception:
    if status == HTTPStatus.GONE:
        return FollowingRefusedError(
            "the other list does not know this position: it was restored from a backup; start again with --anew"
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return FollowingRefusedError(f"the other installation refuses the key ({status})")
    if status in REDIRECTS:
        return FollowingRefusedError(
            f"the address redirects to another one ({status}), where the key is not sent: name that one"
        )
    return Unreachable(f"the other installation answers {status}")


async def follow_for_ever(
    workplace: Workplace, upstream: Upstream, *, every_seconds: float, is_anew: bool, say: Callable[[str], None]
) -> None:
    """Follow until something is refused; retry while the other installation cannot be reached. `every_seconds=0`: once."""
    while True:
        try:
            async with workplace.connected() as connection:
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", FOLLOW_LOCK):
                    raise FollowingRefusedError("another process is already following")
                # A list outlives the logs of its installation.
                follower = await follower_of(connection, workplace, first_name(upstream.origin))
                await follower.take_up()
                if is_anew:
                    await follower.begin_anew()
                    is_anew = False
                while True:
                    await follow_to_now(follower, upstream, say=say)
                    if not every_seconds:
                        return
                    await asyncio.sleep(every_seconds)
        except (Unreachable, *LOST) as error:
            if not every_seconds:
                raise
            say(f"tried again: {error}")
            await asyncio.sleep(every_seconds)


async def follower_of(connection: Connection, workplace: Workplace, origin: str) -> Follower:
    secrecy = workplace.secrecy
    tools = Tools(Digester(secrecy.digest_key), secrecy.cipher("listing"))
    return Follower(connection, origin, secrecy, tools, await known_courts(connection))


async def follow_to_now(follower: Follower, upstream: Upstream, *, say: Callable[[str], None]) -> None:
    """Apply changes up to the version of a statement, and compare the copy with the statement once an hour."""
    state = await asyncio.to_thread(upstream.state)
    source = await follower.take_up()
    if source.stated_at is not None and (state.at < source.stated_at or state.version < source.cursor):
        raise FollowingRefusedError(
            "the other list is older than before: it was restored from a backup, or this is another list"
        )
    await _follow_pages(follower, upstream, source.cursor, state, say=say)
    is_due = source.verified_at is None or source.is_anew or now() - source.verified_at >= VERIFY_EVERY
    missed = await (follower.verify(state) if is_due else follower.list_due())
    await _bring_missed(follower, upstream, missed, say=say)
    if is_due:
        await follower.take_off_what_is_gone()
    await follower.settle(state, is_verified=is_due)
    if is_due:
        say(f"verified at {state.version}: {state.count} listings")


async def _follow_pages(
    follower: Follower, upstream: Upstream, cursor: int, state: ListState, *, say: Callable[[str], None]
) -> None:
    """Apply one page while the next is being fetched."""
    coming: asyncio.Task[FeedPage] | None = None
    try:
        while cursor < state.version:
            page = await (coming or asyncio.to_thread(upstream.page, cursor))
            coming = None
            reached = min(page.next, state.version) if page.more else state.version
            if page.list_version < state.version or reached <= cursor:
                raise Unreachable("the changes end before the signed version")
            if reached < state.version:
                coming = asyncio.create_task(asyncio.to_thread(upstream.page, reached))
            items = [item for item in page.items if item["list_version"] <= state.version]
            await follower.apply(items, after=cursor, cursor=reached)
            cursor = reached
            say(f"followed to {cursor} of {state.version}")
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _bring_missed(
    follower: Follower, upstream: Upstream, missed: Sequence[int], *, say: Callable[[str], None]
) -> None:
    """`missed` are versions of the other list, in order; versions that are close together are fetched together."""
    while missed:
        first = missed[0]
        near = {version for version in missed if version < first + PAGE}
        page = await asyncio.to_thread(upstream.page, first - 1, max(near) - first + 1)
        await follower.bring_again([item for item in page.items if item["list_version"] in near])
        missed = missed[len(near) :]
        say(f"checked again {len(near)} listings that are not in force here")
