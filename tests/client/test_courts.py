"""A court's acts, and a unit's notices, by the client."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blacklist_client import AsyncBlacklist, BadQuestion, Conflict, NotAllowed
from blacklist_client.models import (
    CourtRequest,
    DebtorRequest,
    DecisionRequest,
    DeletionRequest,
    Ground,
    IdentifierType,
    ListedIdentifierRequest,
    ListingState,
    PublishRequest,
    ReplyRequest,
    ReplyResult,
    SubjectKind,
    WithdrawalRequest,
    WithdrawalResponse,
)
from blacklist_service.clock import legal_date, now
from tests.support import COURT_CODE, COURT_NAME, Service, day, listening, resident_id, subject


@pytest.fixture
async def court(service: Service) -> AsyncIterator[AsyncBlacklist]:
    async with listening(service) as port, AsyncBlacklist(f"http://127.0.0.1:{port}", service.keys["court"]) as client:
        yield client


def publication(number: str, case: str) -> PublishRequest:
    today = legal_date(now())
    return PublishRequest(
        case_number=case,
        court=CourtRequest(code=COURT_CODE, name=COURT_NAME),
        debtor=DebtorRequest(
            kind=SubjectKind.PERSON,
            name="张三",
            identifier=ListedIdentifierRequest(type=IdentifierType.RESIDENT_ID, number=number),
        ),
        circumstances=["C4"],
        decision=DecisionRequest(document_number=f"{case}之一", decided_on=today),
        published_on=today,
    )


async def test_a_court_publishes_deletes_and_withdraws(court: AsyncBlacklist) -> None:
    today = legal_date(now())
    made = await court.publish(publication(resident_id(), "(2025)云0111执1号"))
    assert made.state is ListingState.PUBLISHED
    assert (await court.listing(made.listing_id)).others["case_number"] == "(2025)云0111执1号"
    assert [one.listing_id for one in (await court.listings(state="published")).items] == [made.listing_id]

    deletion = DeletionRequest(ground=Ground.PERFORMED, decided_on=today)
    ended = await court.act(made.listing_id, made.version, deletion)
    assert ended.state is ListingState.DELETED
    with pytest.raises(Conflict) as refused:
        await court.act(made.listing_id, made.version, deletion)
    assert refused.value.code == "version-mismatch"

    withdrawn = await court.act(made.listing_id, ended.version, WithdrawalRequest(reason="错误纳入", decided_on=today))
    assert isinstance(withdrawn, WithdrawalResponse)
    assert withdrawn.touched_checks == []
    assert (await court.heartbeat()).court_code == COURT_CODE
    with pytest.raises(NotAllowed):
        await court.watches()


async def test_a_file_is_sent_as_it_is_read(court: AsyncBlacklist, tmp_path: Path) -> None:
    file = tmp_path / "名单.csv"
    file.write_text("被执行人姓名/名称,案号\n张三,(2025)云0111执2号\n", "utf-8")

    queued = await court.import_file(file, dry_run=True, key="once")

    assert queued.state == "queued"
    assert (await court.import_file(file, dry_run=True, key="once")).import_id == queued.import_id
    assert (await court.import_state(queued.import_id)).dry_run
    assert (await court.import_rows(queued.import_id)).items == []
    with pytest.raises(BadQuestion):
        await court.import_file(file, mode="other")  # type: ignore[arg-type]


async def test_a_unit_acknowledges_and_answers_a_notice(service: Service) -> None:
    body: dict[str, Any] = {
        "number": "(2025)云0111执1号之二",
        "case_number": "(2025)云0111执1号",
        "ruling_number": "(2025)云0111执1号之一",
        "agency": "GD-HR",
        "action": "stop_procedure",
        "subject": subject("张三", resident_id()) | {"role": None},
        "object": None,
        "valid_until": day(30),
        "due_at": None,
        "urgency": "normal",
        "text": "停止办理",
    }
    del body["subject"]["role"]
    served = await service.post("/v1/notices", body, key="court")
    assert served.status_code == 201, served.text
    async with listening(service) as port, AsyncBlacklist(f"http://127.0.0.1:{port}", service.keys["agency"]) as office:
        [notice] = (await office.notices()).items
        followed = await anext(office.follow_notices())
        assert str(notice.notice_id) in followed.data
        assert (await office.acknowledge_notice(notice.notice_id, operator="wang.li")).acknowledged_at is not None
        done = await office.reply_to_notice(notice.notice_id, ReplyRequest(result=ReplyResult.DONE, text="已停止办理"))
        assert done.result is ReplyResult.DONE
        assert (await office.notice(notice.notice_id)).notice_id == notice.notice_id
