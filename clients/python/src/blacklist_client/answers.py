"""An answer, or a hold. There is no third result, and neither can be used as a boolean."""

import email.utils
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol

from blacklist_client.conversation import Reply, media_type
from blacklist_client.errors import NoAnswer, NothingListed, NotUnderstood, StaleReplay
from blacklist_client.models import (
    CheckResponse,
    Decision,
    Identity,
    MatchResponse,
    Reason,
    Relation,
    SubjectRequest,
    SubjectResponse,
    SubjectRole,
)
from blacklist_client.questions import Question
from blacklist_client.reading import parse, read

FRESH_SECONDS = 60.0
"""An answer older than this says nothing about the present; a held question keeps its key for as long."""
STRENGTH = {Decision.CLEAR: 0, Decision.FLAG: 1, Decision.BLOCK: 2}
USUAL_AGAIN_SECONDS = 5.0
KNOWN = tuple(one.name for one in fields(CheckResponse))


@dataclass(frozen=True, kw_only=True)
class Answer(CheckResponse):
    """What the service answered and recorded. `content` is the exact bytes, which a receipt proves."""

    content: bytes = field(repr=False, compare=False)
    request_id: str | None = field(default=None, compare=False)

    def __bool__(self) -> NoReturn:
        raise TypeError("an answer is neither true nor false: compare its decision")

    def reasons(self) -> list[str]:
        """A sentence for each match, in Chinese, for the officer and the person concerned."""
        return reasons_of(self.subjects)


@dataclass(frozen=True, slots=True)
class Advice:
    """What a copy of the public list suggests while there is no answer. Never an answer, never evidence."""

    seen: str
    """`probably_listed`, `not_seen` or `unknown`."""
    list_version: int | None = None
    age_seconds: float | None = None

    def __bool__(self) -> NoReturn:
        raise TypeError("advice is neither true nor false")


class Adviser(Protocol):
    """Advises about subjects, in order, without asking the service."""

    def advise(self, subjects: Sequence[SubjectRequest]) -> Sequence[Advice]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question being asked: its bytes, its key and when the key was created (monotonic seconds)."""

    question: Question = field(repr=False)
    content: bytes = field(repr=False)
    key: str
    minted: float


@dataclass(frozen=True, slots=True)
class Hold:
    """There is no answer: hold the matter, and ask again.

    A hold has no decision. It keeps the question in memory for `ask_again`, and cannot be serialised with it: store `why` and
    `again_at`, and ask again from your own file.
    """

    why: str
    again_at: datetime
    error: NoAnswer = field(compare=False)
    advice: tuple[Advice, ...] = ()
    asked: Asked | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> NoReturn:
        raise TypeError("a hold is neither true nor false: it is no answer")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a hold keeps a personal number and is not to be stored: store why and again_at")


def reasons_of(subjects: Sequence[SubjectResponse]) -> list[str]:
    """The same for a stored answer."""
    return [
        sentence(subject, match)
        for subject in subjects
        for match in sorted(subject.matches, key=lambda match: -STRENGTH[match.effect])
    ]


def hold_of(error: NoAnswer, asked: Asked | None, adviser: Adviser | None) -> Hold:
    after = error.after_seconds if error.after_seconds is not None else USUAL_AGAIN_SECONDS
    advice = tuple(adviser.advise(asked.question.subjects)) if adviser is not None and asked is not None else ()
    return Hold(str(error), datetime.now(UTC) + timedelta(seconds=after), error, advice, asked)


def read_answer(reply: Reply, question: Question) -> Answer:
    """Raise `NoAnswer` unless this is a complete, fresh answer to this question."""
    if reply.status != 200 or media_type(reply) != "application/json":
        raise NotUnderstood(f"not an answer of the service (status {reply.status})")
    answer = read_check(parse(reply.content), reply.content, reply.headers.get("x-request-id"))
    require_fits(answer, question)
    require_fresh(answer.checked_at, reply)
    return answer


def read_check(parsed: Any, content: bytes, request_id: str | None) -> Answer:
    found = read(CheckResponse, parsed)
    known: dict[str, Any] = {name: getattr(found, name) for name in KNOWN}
    return Answer(**known, content=content, request_id=request_id)


def require_fits(answer: Answer, question: Question) -> None:
    """Raise `NotUnderstood` if an answer belongs to another question, or is weaker than its matches."""
    if answer.matter != question.matter or answer.reference != question.reference:
        raise NotUnderstood("the answer is to another question")
    roles = [subject.role for subject in answer.subjects]
    if roles != [subject.role for subject in question.subjects]:
        raise NotUnderstood("the answer is about other subjects")
    for subject in answer.subjects:
        require_strongest(subject.decision, [match.effect for match in subject.matches])
    require_strongest(answer.decision, [subject.decision for subject in answer.subjects])
    if question.watch_until is not None and answer.watch is None:
        raise NotUnderstood("the question was to be kept open, and the answer does not say that it is")
    if answer.decision is Decision.CLEAR and "list-empty" in answer.warnings:
        raise NothingListed("the service has no list: its clear says nothing")


def require_strongest(decision: Decision, parts: Sequence[Decision]) -> None:
    if any(STRENGTH[part] > STRENGTH[decision] for part in parts):
        raise NotUnderstood("the answer's decision is weaker than what it is made of")


def require_fresh(checked_at: datetime, reply: Reply, within_seconds: float = FRESH_SECONDS) -> None:
    """Raise `StaleReplay` if the answer is that much older than the reply, by the service's own clock."""
    try:
        sent_at = email.utils.parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        raise NotUnderstood("the answer has no date") from None
    if sent_at.tzinfo is None:
        sent_at = sent_at.replace(tzinfo=UTC)
    if (sent_at - checked_at).total_seconds() > within_seconds:
        raise StaleReplay("a stored answer of longer ago")


ROLES = {
    SubjectRole.APPLICANT: "申请人",
    SubjectRole.GUARDIAN: "监护人",
    SubjectRole.LEGAL_REPRESENTATIVE: "法定代表人",
    SubjectRole.PRINCIPAL: "主要负责人",
    SubjectRole.SHAREHOLDER: "股东",
    SubjectRole.ACTUAL_CONTROLLER: "实际控制人",
    SubjectRole.TRANSFEROR: "转让方",
    SubjectRole.TRANSFEREE: "受让方",
    SubjectRole.BIDDER: "投标人",
    SubjectRole.CONSORTIUM_MEMBER: "联合体成员",
    SubjectRole.OTHER: "其他",
}
EFFECTS = {Decision.BLOCK: "停止办理", Decision.FLAG: "人工审核", Decision.CLEAR: "不受影响"}
RELATIONS = {
    Relation.DEBTOR: "被列为失信被执行人",
    Relation.LEGAL_REPRESENTATIVE: "系失信被执行人的法定代表人",
    Relation.PRINCIPAL: "系失信被执行人的主要负责人",
    Relation.DIRECTLY_RESPONSIBLE: "系影响债务履行的直接责任人员",
    Relation.ACTUAL_CONTROLLER: "系失信被执行人的实际控制人",
}
IDENTITIES = {
    Identity.EXACT: "证件号码与姓名（名称）均一致",
    Identity.NAME_DIFFERS: "证件号码一致而姓名（名称）不一致",
    Identity.MASKED: "姓名一致，名单中的号码已隐去部分数字",
    Identity.NAME_ONLY: "仅姓名（名称）一致，可能为同名",
}
REASONS = {
    Reason.PROHIBITION: "法律、法规或者国家规定禁止或者限制",
    Reason.NOTICE: "人民法院已送达协助执行通知书",
    Reason.RESTRICTION: "依规定从严审核",
    Reason.REFERENCE: "作为审慎性参考",
    Reason.IDENTITY_UNCERTAIN: "身份未能完全核对一致",
    Reason.NOTICE_MISSING: "尚无人民法院的协助执行通知书",
}


def sentence(subject: SubjectResponse, match: MatchResponse) -> str:
    """One match: its effect and reason, court and case, and how certain the identity is. Without a number."""
    listed = match.listing
    where = f"{listed.court}{listed.case_number}" if listed else ""
    if match.notice is not None and not listed:
        where = f"{match.notice.court}{match.notice.number}"
    relation = RELATIONS[match.relation] if listed else "为协助执行通知书所列"
    return (
        f"{EFFECTS[match.effect]}：{ROLES[subject.role]}{relation}（{where}）；{REASONS[match.reason]}，"
        f"依据{match.measure.basis}；{IDENTITIES[match.identity]}"
    )
