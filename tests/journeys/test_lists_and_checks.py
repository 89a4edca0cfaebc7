"""A list is loaded, and the next check is answered by it."""

from tests.support import Service, day, question, resident_id, row, subject

LISTED = resident_id(15)


async def test_an_empty_list_is_clear_and_says_that_it_is_empty(service: Service):
    answer = await service.check(subject("张三", LISTED))
    assert (answer["decision"], answer["warnings"]) == ("clear", ["list-empty"])


async def test_a_listed_person_is_blocked_with_the_reason_and_the_legal_basis(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED, case_number="（2018）云0111执01234号"))
    answer = await service.check(subject("张三", LISTED))
    [match] = answer["subjects"][0]["matches"]
    assert (match["identity"], match["effect"], match["reason"]) == ("exact", "block", "prohibition")
    assert match["measure"] == {"id": "M01", "class": "prohibition", "basis": "公务员法第二十六条第（四）项"}
    assert match["listing"]["case_number"] == "(2018)云0111执1234号"
    assert match["listing"]["court"] == "昆明市官渡区人民法院"
    assert match["listing"]["debtor_identifier_masked"] == LISTED[:4] + "*" * 10 + LISTED[-4:]
    assert match["notice"] is None


async def test_a_namesake_with_another_number_is_clear(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    assert await service.decide(subject("张三", resident_id(99))) == "clear"


async def test_a_question_by_name_alone_is_a_flag_and_shows_no_mask(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    answer = await service.check(subject("张三"))
    [match] = answer["subjects"][0]["matches"]
    assert (answer["decision"], match["identity"]) == ("flag", "name_only")
    assert match["listing"]["debtor_identifier_masked"] is None


async def test_a_listing_counts_to_its_last_day_and_not_after(service: Service):
    last_day, past = resident_id(1), resident_id(2)
    await service.load_rows(
        row(name="甲", identifier_number=last_day, expires_on=day(0)),
        row(name="乙", identifier_number=past, expires_on=day(-1)),
    )
    assert await service.decide(subject("甲", last_day)) == "block"
    assert await service.decide(subject("乙", past)) == "clear"


async def test_a_listing_in_grace_is_clear_until_the_day_after(service: Service):
    in_grace, grace_over = resident_id(1), resident_id(2)
    await service.load_rows(
        row(name="甲", identifier_number=in_grace, published_on=None, grace_until=day(0)),
        row(name="乙", identifier_number=grace_over, published_on=None, grace_until=day(-1)),
    )
    assert await service.decide(subject("甲", in_grace)) == "clear"
    assert await service.decide(subject("乙", grace_over)) == "block"


async def test_with_two_listings_one_deleted_the_other_still_blocks(service: Service):
    first = row(name="张三", identifier_number=LISTED, expires_on=None, circumstances="C1")
    await service.load_rows(first, row(name="张三", identifier_number=LISTED))
    await service.load_rows(first | {"action": "删除", "ground": "performed"})
    answer = await service.check(subject("张三", LISTED))
    assert (answer["decision"], len(answer["subjects"][0]["matches"])) == ("block", 1)


async def test_a_deleted_listing_is_clear_and_is_never_shown_again(service: Service):
    listing = row(name="张三", identifier_number=LISTED)
    await service.load_rows(listing)
    report = await service.load_rows(listing | {"action": "删除", "ground": "early_by_decision", "decided_on": day(-1)})
    assert report.counts.ended == 1
    answer = await service.check(subject("张三", LISTED))
    assert (answer["decision"], answer["subjects"][0]["matches"]) == ("clear", [])


async def test_a_correction_moves_the_listing_to_the_right_number(service: Service):
    wrong, right = resident_id(1), resident_id(2)
    listing = row(name="张三", identifier_number=wrong)
    await service.load_rows(listing)
    report = await service.load_rows(listing | {"action": "更正", "identifier_number": right})
    assert report.counts.corrected == 1
    assert await service.decide(subject("张三", wrong)) == "clear"
    assert await service.decide(subject("张三", right)) == "block"


async def test_a_file_may_publish_correct_and_delete_one_listing(service: Service):
    listing = row(name="张三", identifier_number=LISTED, obligation="支付一元")
    steps = [{}, {"action": "更正", "obligation": "支付二元"}, {"action": "更正", "obligation": "支付三元"}]
    report = await service.load_rows(*(listing | step for step in steps), listing | {"action": "撤销"})
    assert (report.counts.created, report.counts.corrected, report.counts.ended) == (1, 2, 1)
    versions = await service.fetch("SELECT version, act FROM listing_versions ORDER BY version")
    assert [(one["version"], one["act"]) for one in versions] == [
        (1, "published"),
        (2, "corrected"),
        (3, "corrected"),
        (4, "withdrawn"),
    ]
    assert await service.decide(subject("张三", LISTED)) == "clear"


async def test_a_file_may_delete_and_list_again_by_a_new_decision(service: Service):
    listing = row(name="张三", identifier_number=LISTED, decided_on=day(-60))
    report = await service.load_rows(
        listing,
        listing | {"action": "删除", "ground": "early_by_decision", "decided_on": day(-20)},
        listing | {"decided_on": day(-10), "decision_number": "之二"},
    )
    assert (report.counts.created, report.counts.ended) == (2, 1)
    assert await service.decide(subject("张三", LISTED)) == "block"


async def test_one_bad_row_never_stops_the_good_ones(service: Service):
    report = await service.load_rows(
        row(name=""), row(name="张三", identifier_number=LISTED), row(published_on="2025-13-45")
    )
    assert [(one.row, one.code) for one in report.rows if one.is_refused] == [(2, "name-missing"), (4, "date-invalid")]
    assert await service.decide(subject("张三", LISTED)) == "block"


async def test_a_word_for_an_action_that_is_not_known_lists_nobody(service: Service):
    report = await service.load_rows(row(name="张三", identifier_number=LISTED, action="册除"))
    assert [(one.code, one.field) for one in report.rows] == [("kind-unknown", "action")]
    assert await service.decide(subject("张三", LISTED)) == "clear"


async def test_without_its_kind_a_debtor_is_what_its_name_says(service: Service):
    company = row(name="己癸公司", kind=None, identifier_type=None, identifier_number="530111850317001")
    hidden = row(name="戊某某", kind=None, identifier_type=None, identifier_number="530111XXXXXXXX0015")
    await service.load_rows(company, hidden)
    asked = {"kind": "organisation", "type": "business_registration_number", "number": "530111850317001"}
    assert await service.decide(subject("己癸公司", **asked), matter="government_procurement") == "block"
    assert await service.decide(subject("戊某某", LISTED)) == "flag"


async def test_a_batch_within_every_limit_is_answered_whole(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    check = question(*(subject("张三", resident_id(n)) for n in range(1, 21)))
    response = await service.post("/v1/checks/batch", {"checks": [check] * 400})
    assert {one["status"] for one in response.json()["results"]} == {200}


async def test_a_companys_people_are_found_by_number_never_by_name_alone(service: Service):
    number = resident_id(7)
    company = {"partyTypeName": "581", "iname": "昆明某某物流有限公司", "cardNum": "91530111080734599W"}
    line = company | {
        "caseCode": "（2025）云0111执7号",
        "publishDate": day(-5),
        "qysler": [
            {"cardNum": number, "corporationtypename": "法定代表人", "iname": "李四"},
            {"cardNum": "", "corporationtypename": "实际控制人", "iname": "王五"},
        ],
    }
    report = await service.load_json(line)
    assert "person-unidentified" in {one.code for one in report.rows}
    buyer = {"role": "transferee"}
    answer = await service.check(subject("李四", number, **buyer), matter="real_estate_transfer")
    [match] = answer["subjects"][0]["matches"]
    assert (match["relation"], match["effect"], match["reason"]) == ("legal_representative", "flag", "restriction")
    assert await service.decide(subject("李四", number)) == "clear"
    assert await service.decide(subject("王五", **buyer), matter="real_estate_transfer") == "clear"


async def test_an_organisation_is_found_by_its_code_whichever_way_it_was_listed(service: Service):
    await service.load_rows(
        row(
            name="昆明某某物流有限公司",
            kind="法人或其他组织",
            identifier_type="组织机构代码",
            identifier_number="08073459-9",
        )
    )
    asked = {"kind": "organisation", "role": "bidder", "type": "uscc", "number": "91530111080734599W"}
    answer = await service.check(subject("昆明某某物流有限公司", **asked), matter="government_procurement")
    assert answer["subjects"][0]["matches"][0]["identity"] == "exact"
    answer = await service.check(subject("昆明另一物流有限公司", **asked), matter="government_procurement")
    assert answer["subjects"][0]["matches"][0]["identity"] == "name_differs"


async def test_each_subject_has_its_own_decision_and_the_strongest_is_the_checks(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    answer = await service.check(subject("李四", resident_id(50)), subject("张三", LISTED))
    assert [one["decision"] for one in answer["subjects"]] == ["clear", "block"]
    assert answer["decision"] == "block"


async def test_an_answer_names_the_list_version_it_rests_on(service: Service):
    await service.load_rows(row(), row(), row())
    answer = await service.check(subject("张三", LISTED))
    assert (answer["list_version"], answer["measures_version"], answer["notices_version"]) == (3, 1, 0)


async def test_a_batch_answers_each_in_its_place_and_a_wrong_one_alone(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    checks = [
        question(subject("张三", LISTED)),
        question(subject("张三", LISTED[:-1] + "Y")),
        question(subject("李四")),
    ]
    response = await service.post("/v1/checks/batch", {"checks": checks})
    results = response.json()["results"]
    assert [one["status"] for one in results] == [200, 422, 200]
    assert results[0]["check"]["decision"] == "block"
    assert results[1]["problem"]["code"] == "invalid-identifier"
    assert len(await service.fetch("SELECT 1 FROM ledger_entries WHERE action = 'check'")) == 2


async def test_the_worker_writes_down_what_the_calendar_did(service: Service):
    await service.load_rows(
        row(name="甲", identifier_number=resident_id(1), expires_on=day(-1)),
        row(name="乙", identifier_number=resident_id(2), published_on=None, grace_until=day(1)),
    )
    async with service.workplace.connected() as connection:
        await service.move_grace_back(connection)
        await service.do_calendar_round(connection)
        await service.do_calendar_round(connection)
    acts = await service.fetch("SELECT act, list_version FROM listing_versions WHERE act IN ('expired', 'published')")
    assert sorted(one["act"] for one in acts) == ["expired", "published", "published"]
    entries = await service.fetch(
        "SELECT action FROM ledger_entries WHERE action IN ('listing_expired', 'grace_ended')"
    )
    assert len(entries) == 2
    assert await service.decide(subject("乙", resident_id(2))) == "block"


async def test_a_number_beyond_all_measure_in_a_batch_is_refused_in_its_place(service: Service):
    right = question(subject("张三", resident_id(1)))
    response = await service.post("/v1/checks/batch", {"checks": [right, right | {"operator": 2**70}]})
    assert [one["status"] for one in response.json()["results"]] == [200, 422]
