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


class Done(NamedTuple):
    """What was done, in both languages."""

    zh: str
    en: str


class Names(NamedTuple):
    """An act's names. `feed_type` is its type in the change feed, where that is not the act's own word."""

    entry: Action
    in_history: Done
    in_ledger: Done
    feed_type: str | None = None


NAMES: Mapping[Act, Names] = {
    Act.DECIDED: Names(
        Action.LISTING_PUBLISHED, Done("决定纳入", "Decided"), Done("发布失信信息", "Listing published")
    ),
    Act.PUBLISHED: Names(
        Action.LISTING_PUBLISHED, Done("发布", "Published"), Done("发布失信信息", "Listing published")
    ),
    Act.CORRECTED: Names(
        Action.LISTING_CORRECTED, Done("更正", "Corrected"), Done("更正失信信息", "Listing corrected")
    ),
    Act.EXTENDED: Names(Action.LISTING_EXTENDED, Done("延长期限", "Term extended"), Done("延长期限", "Term extended")),
    Act.DISPUTED: Names(
        Action.LISTING_DISPUTED, Done("登记异议状态", "Dispute recorded"), Done("登记异议状态", "Dispute recorded")
    ),
    Act.CONTESTED: Names(
        Action.IDENTITY_CONTESTED,
        Done("登记身份存疑", "Identity contested"),
        Done("身份存疑", "Identity contested"),
        feed_type="disputed",
    ),
    Act.CONTEST_WITHDRAWN: Names(
        Action.CONTEST_WITHDRAWN,
        Done("解除身份存疑", "Identity contest withdrawn"),
        Done("解除身份存疑", "Identity contest withdrawn"),
        feed_type="disputed",
    ),
    Act.SUSPENDED: Names(Action.LISTING_SUSPENDED, Done("暂时屏蔽", "Suspended"), Done("暂时屏蔽", "Suspended")),
    Act.RESUMED: Names(
        Action.LISTING_RESUMED,
        Done("恢复公布", "Published again"),
        Done("恢复公布", "Published again"),
        feed_type="published",
    ),
    Act.REINSTATED: Names(
        Action.LISTING_REINSTATED,
        Done("恢复误终止的信息", "Listing reinstated"),
        Done("恢复误终止的信息", "Listing reinstated"),
        feed_type="published",
    ),
    Act.EXPIRED: Names(Action.LISTING_EXPIRED, Done("期限届满", "Expired"), Done("期限届满", "Expired")),
    Act.DELETED: Names(Action.LISTING_DELETED, Done("删除", "Deleted"), Done("删除失信信息", "Listing deleted")),
    Act.WITHDRAWN: Names(
        Action.LISTING_WITHDRAWN, Done("撤销", "Withdrawn"), Done("撤销失信信息", "Listing withdrawn")
    ),
}
"""To a copy of the list, a listing that is back is one that is published; a contest of identity is a dispute."""


def feed_type(act: Act) -> str:
    """What the change feed calls an act."""
    return NAMES[act].feed_type or act.value
