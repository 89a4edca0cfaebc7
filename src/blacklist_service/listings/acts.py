"""The acts that make a version of a listing, and what each is called: in the ledger, in the feed, on a page. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from blacklist_service.ledger.entries import Action


class Act(StrEnum):
    """What makes a version. `decided` is a listing taken in during its grace: not yet a change of the list; `reinstated`
    undoes an `expired` that was written under a clock that was wrong.
    """

    DECIDED = "decided"
    PUBLISHED = "published"
    CORRECTED = "corrected"
    EXTENDED = "extended"
    DISPUTED = "disputed"
    CONTESTED = "contested"
    CONTEST_WITHDRAWN = "contest_withdrawn"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REINSTATED = "reinstated"
    EXPIRED = "expired"
    DELETED = "deleted"
    WITHDRAWN = "withdrawn"


class Wording(NamedTuple):
    """What was done, in both languages."""

    zh: str
    en: str


class Names(NamedTuple):
    """An act's names. `feed_type` is its type in the change feed, where that is not the act's own word."""

    entry: Action
    in_history: Wording
    in_ledger: Wording
    feed_type: str | None = None


NAMES: Mapping[Act, Names] = {
    Act.DECIDED: Names(
        Action.LISTING_PUBLISHED, Wording("决定纳入", "Decided"), Wording("发布失信信息", "Listing published")
    ),
    Act.PUBLISHED: Names(
        Action.LISTING_PUBLISHED, Wording("发布", "Published"), Wording("发布失信信息", "Listing published")
    ),
    Act.CORRECTED: Names(
        Action.LISTING_CORRECTED, Wording("更正", "Corrected"), Wording("更正失信信息", "Listing corrected")
    ),
    Act.EXTENDED: Names(
        Action.LISTING_EXTENDED, Wording("延长期限", "Term extended"), Wording("延长期限", "Term extended")
    ),
    Act.DISPUTED: Names(
        Action.LISTING_DISPUTED,
        Wording("登记异议状态", "Dispute recorded"),
        Wording("登记异议状态", "Dispute recorded"),
    ),
    Act.CONTESTED: Names(
        Action.IDENTITY_CONTESTED,
        Wording("登记身份存疑", "Identity contested"),
        Wording("身份存疑", "Identity contested"),
        feed_type="disputed",
    ),
    Act.CONTEST_WITHDRAWN: Names(
        Action.CONTEST_WITHDRAWN,
        Wording("解除身份存疑", "Identity contest withdrawn"),
        Wording("解除身份存疑", "Identity contest withdrawn"),
        feed_type="disputed",
    ),
    Act.SUSPENDED: Names(Action.LISTING_SUSPENDED, Wording("暂时屏蔽", "Suspended"), Wording("暂时屏蔽", "Suspended")),
    Act.RESUMED: Names(
        Action.LISTING_RESUMED,
        Wording("恢复公布", "Published again"),
        Wording("恢复公布", "Published again"),
        feed_type="published",
    ),
    Act.REINSTATED: Names(
        Action.LISTING_REINSTATED,
        Wording("恢复误终止的信息", "Listing reinstated"),
        Wording("恢复误终止的信息", "Listing reinstated"),
        feed_type="published",
    ),
    Act.EXPIRED: Names(Action.LISTING_EXPIRED, Wording("期限届满", "Expired"), Wording("期限届满", "Expired")),
    Act.DELETED: Names(Action.LISTING_DELETED, Wording("删除", "Deleted"), Wording("删除失信信息", "Listing deleted")),
    Act.WITHDRAWN: Names(
        Action.LISTING_WITHDRAWN, Wording("撤销", "Withdrawn"), Wording("撤销失信信息", "Listing withdrawn")
    ),
}
"""To a copy of the list, a listing that is back is one that is published; a contest of identity is a dispute."""


def feed_type(act: Act) -> str:
    """What the change feed calls an act."""
    return NAMES[act].feed_type or act.value
