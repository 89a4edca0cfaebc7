"""Unmasking with a reason and a ledger entry; and reports to a person of the questions about that person."""

from uuid import uuid4

import pytest

from blacklist_service.audit.persons import lift_embargo, report_to_subject, set_embargo
from blacklist_service.audit.schemas import SearchIdentifierRequest, SearchSubjectRequest
from blacklist_service.cli.exporting import report_json, report_text
from blacklist_service.clock import legal_date, now
from blacklist_service.problems import NotFound, Problem
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from tests.conftest import SECRECY
from tests.support import TEST, Service, question, resident_id, subject

WHO = resident_id(81)
ASKED = SearchSubjectRequest(
    kind=SubjectKind.PERSON,
    name="张三",
    identifier=SearchIdentifierRequest(type=IdentifierType.RESIDENT_ID, number=WHO),
)


class TestUnmasking:
    async def test_with_a_reason_and_on_the_record(self, service: Service):
        check = await service.check(subject("张三", WHO), operator="wang.li")
        path = f"/v1/audit/entries/{check['check_id']}/unmasking"
        shown = (await service.post(path, {"reason": "复核", "operator": "zhao"}, key="auditor")).json()
        assert shown["subjects"] == [
            {
                "role": "applicant",
                "kind": "person",
                "name": "张三",
                "identifier": {"type": "resident_id", "number": WHO},
            }
        ]
        assert (shown["operator"], shown["reference"]) == ("wang.li", "GD-1")
        [item] = (await service.get("/v1/audit/entries", key="auditor", action="audit_unmasked")).json()["items"]
        assert item["operator"] == "zhao"
        [entry] = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'audit_unmasked'")
        assert check["check_id"].encode() in entry["leaf"]
        assert WHO.encode() not in entry["leaf"]

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x", "more": 1}])
    async def test_not_without_a_reason(self, service: Service, body):
        check = await service.check(subject("张三", WHO))
        path = f"/v1/audit/entries/{check['check_id']}/unmasking"
        assert (await service.post(path, body, key="auditor")).status_code == 422

    async def test_not_by_who_asked_and_not_what_is_not_there(self, service: Service):
        check = await service.check(subject("张三", WHO))
        path = f"/v1/audit/entries/{check['check_id']}/unmasking"
        assert (await service.post(path, {"reason": "x"}, key="agency")).status_code == 403
        absent = f"/v1/audit/entries/{uuid4()}/unmasking"
        assert (await service.post(absent, {"reason": "x"}, key="auditor")).status_code == 404


class TestReport:
    async def test_who_asked_when_and_for_what(self, service: Service):
        first = await service.check(subject("张三", WHO))
        await service.post("/v1/checks", question(subject("张三", WHO)), key="other agency")
        await service.check(subject("张三", resident_id()))
        await service.check(subject("张三"))
        async with service.workplace.connected() as connection, connection.transaction():
            found = await report_to_subject(connection, ASKED, reason="申请 1", actor=TEST, secrecy=SECRECY)
        assert [one.agency for one in found.askings] == ["GD-HR", "GD-EDU"]
        assert str(found.askings[0].check_id) == first["check_id"]
        assert "无记录" in report_text(found)
        assert WHO not in report_text(found) + report_json(found)
        [entry] = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'subject_reported'")
        assert WHO.encode() not in entry["leaf"]

    async def test_what_is_under_investigation_is_left_out_and_not_spoken_of(self, service: Service):
        await service.check(subject("张三", WHO), reference="ordinary")
        await service.check(subject("张三", WHO), reference="case-7")
        async with service.workplace.connected() as connection:
            placed = await set_embargo(
                connection,
                ASKED,
                agency="GD-HR",
                reference="case-7",
                until=legal_date(now()),
                reason="侦查",
                actor=TEST,
                secrecy=SECRECY,
            )
            held = await report_to_subject(connection, ASKED, reason="r", actor=TEST, secrecy=SECRECY)
            assert (len(held.askings), held.withheld) == (1, 1)
            assert "1 条" in report_text(held)
            assert await lift_embargo(connection, placed, actor=TEST, secrecy=SECRECY)
            assert not await lift_embargo(connection, placed, actor=TEST, secrecy=SECRECY)
            whole = await report_to_subject(connection, ASKED, reason="r", actor=TEST, secrecy=SECRECY)
            assert (len(whole.askings), whole.withheld) == (2, 0)
            with pytest.raises(NotFound):
                await lift_embargo(connection, uuid4(), actor=TEST, secrecy=SECRECY)

    async def test_a_name_is_no_proof(self, service: Service):
        by_name = SearchSubjectRequest(kind=SubjectKind.PERSON, name="张三")
        async with service.workplace.connected() as connection:
            with pytest.raises(Problem):
                await report_to_subject(connection, by_name, reason="r", actor=TEST, secrecy=SECRECY)
