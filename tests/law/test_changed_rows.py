"""One case for each row that law §2 changed or added: who is asked about, in which role, and what follows."""

from datetime import date
from uuid import uuid4

import pytest

from blacklist_service.checks.rules import Hit, ListingShown, NoticeHit, NoticeShown, SubjectDecision, decide
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.keys import Identity
from blacklist_service.subjects.relations import Relation

TODAY = date(2026, 11, 27)
LISTED = "debtor"
PROHIBITED, MISSING, RESTRICTED, REFERENCE = "prohibition", "notice_missing", "restriction", "reference"
EFFECT = {PROHIBITED: "block", MISSING: "flag", RESTRICTED: "flag", REFERENCE: "flag"}
LISTING = ListingShown("(2025)云0111执1号", "某法院", "某人", None, ("C4",), date(2025, 1, 1), None, None)

# Matter, role, relation of the hit, what follows (None: no measure covers it, no match).
CASES = [
    # M01: the Civil Servants Law since 2019-06-01; children are not covered, only the applicant is asked about.
    ("civil_service_recruitment", "applicant", LISTED, PROHIBITED),
    # M03: its own basis speaks of a reference.
    ("staff_appraisal_promotion", "applicant", LISTED, REFERENCE),
    # M05: a listed shareholder of a clean company stops no registration.
    ("company_executive_registration", "legal_representative", LISTED, PROHIBITED),
    ("company_executive_registration", "other", LISTED, PROHIBITED),
    ("company_executive_registration", "shareholder", LISTED, None),
    # M09: the supplier and every member of its consortium; not who leads or owns a clean one.
    ("government_procurement", "bidder", LISTED, PROHIBITED),
    ("government_procurement", "consortium_member", LISTED, PROHIBITED),
    ("government_procurement", "applicant", LISTED, PROHIBITED),
    ("government_procurement", "legal_representative", LISTED, None),
    ("government_procurement", "shareholder", LISTED, None),
    # M10: four roles had no basis; experts, agencies and staff have matters of their own.
    ("tender_bidding", "bidder", LISTED, PROHIBITED),
    ("tender_bidding", "legal_representative", LISTED, None),
    ("tender_bidding", "principal", LISTED, None),
    ("tender_bidding", "shareholder", LISTED, None),
    ("tender_bidding", "actual_controller", LISTED, None),
    ("bid_evaluation_expert", "applicant", LISTED, PROHIBITED),
    ("tender_agency", "applicant", LISTED, REFERENCE),
    ("bidding_staff", "applicant", LISTED, RESTRICTED),
    # M13: is the applicant's own leader listed? A leader of a listed company is not.
    ("preferential_policy", "applicant", LISTED, REFERENCE),
    ("preferential_policy", "legal_representative", LISTED, REFERENCE),
    ("preferential_policy", "actual_controller", LISTED, REFERENCE),
    ("preferential_policy", "applicant", "legal_representative", None),
    ("preferential_policy", "legal_representative", "legal_representative", None),
    ("tax_preference", "principal", LISTED, REFERENCE),
    # M17: who disposes needs a notice; who acquires is restricted (from knowledge: no block before a court confirms it).
    ("exploration_right_transfer", "transferor", LISTED, MISSING),
    ("mining_right_transfer", "transferor", LISTED, MISSING),
    ("mining_right_transfer", "transferee", LISTED, RESTRICTED),
    # M21: direction as M13; dangerous trades apart, a flag until a court confirms the prohibition.
    ("safety_licence", "applicant", LISTED, RESTRICTED),
    ("safety_licence", "principal", LISTED, RESTRICTED),
    ("safety_licence", "principal", "principal", None),
    ("hazardous_industry_licence", "applicant", LISTED, RESTRICTED),
    ("hazardous_industry_licence", "legal_representative", LISTED, RESTRICTED),
    # M25: whom organisations recommend is stopped; joining the Party goes by reference.
    ("party_congress_nomination", "applicant", LISTED, PROHIBITED),
    ("party_admission", "applicant", LISTED, REFERENCE),
    # M26: an important reference.
    ("military_enlistment", "applicant", LISTED, REFERENCE),
    # M27: a unit whose own leader is listed is stopped; a leader of another, listed, unit is not.
    ("honours_award", "applicant", LISTED, PROHIBITED),
    ("honours_award", "principal", LISTED, PROHIBITED),
    ("honours_award", "legal_representative", "legal_representative", None),
    ("honours_review", "legal_representative", LISTED, RESTRICTED),
    # M29: the borrower is looked at strictly, its leaders are a reference.
    ("credit_granting", "applicant", LISTED, RESTRICTED),
    ("credit_granting", "legal_representative", LISTED, REFERENCE),
    ("credit_granting", "legal_representative", "legal_representative", None),
    # M30: on a court's decision about the debtor and those who answer for it; passports likewise.
    ("exit_border", "applicant", LISTED, MISSING),
    ("exit_border", "applicant", "legal_representative", MISSING),
    ("exit_border", "applicant", "directly_responsible", MISSING),
    ("exit_border", "guardian", LISTED, MISSING),
    ("exit_border", "applicant", "actual_controller", None),
    ("passport_issuance", "applicant", "principal", MISSING),
    # M31: the seller by notice; the buyer's side is consumption.
    ("vehicle_transfer", "transferor", LISTED, MISSING),
    ("vehicle_transfer", "transferee", LISTED, RESTRICTED),
    ("vehicle_transfer", "transferee", "actual_controller", RESTRICTED),
    # What was missing.
    ("equity_transfer_registration", "transferor", LISTED, MISSING),
    ("equity_transfer_registration", "transferee", LISTED, None),
    ("real_estate_mortgage_registration", "applicant", LISTED, MISSING),
    ("vehicle_purchase_registration", "applicant", LISTED, PROHIBITED),
    ("vehicle_purchase_registration", "applicant", "principal", RESTRICTED),
    ("building_permit_luxury", "applicant", LISTED, PROHIBITED),
    ("building_permit_luxury", "applicant", "legal_representative", RESTRICTED),
    ("supervision_officer_recruitment", "applicant", LISTED, PROHIBITED),
    ("private_fund_manager_registration", "principal", LISTED, PROHIBITED),
    ("private_fund_manager_registration", "shareholder", LISTED, None),
    ("lawyer_honours", "applicant", LISTED, RESTRICTED),
    ("water_land_use_right", "applicant", LISTED, RESTRICTED),
    ("payment_to_debtor", "applicant", LISTED, MISSING),
]

BASES = [
    ("civil_service_recruitment", date(2019, 5, 31), "中办发〔2016〕64号"),
    ("civil_service_recruitment", date(2019, 6, 1), "公务员法第二十六条第（四）项"),
    ("real_estate_transfer", date(2018, 4, 20), "第二百五十一条"),
    ("real_estate_transfer", date(2022, 1, 1), "第二百五十八条"),
    ("real_estate_transfer", date(2023, 12, 31), "第二百五十八条"),
    ("real_estate_transfer", date(2024, 1, 1), "第二百六十二条"),
    ("mining_right_transfer", TODAY, "第二百六十二条"),
    ("vehicle_transfer", TODAY, "第二百六十二条"),
    ("investment_project_approval", date(2021, 12, 31), "第一百一十四条"),
    ("investment_project_approval", TODAY, "第一百一十七条"),
    ("company_executive_registration", date(2024, 6, 30), "发改财金〔2016〕141号"),
    ("company_executive_registration", date(2024, 7, 1), "公司法（2023）第一百七十八条"),
    ("people_assessor_selection", TODAY, "第七条第（四）项"),
]
SELLERS = {"real_estate_transfer", "mining_right_transfer", "vehicle_transfer"}


@pytest.mark.parametrize(("matter", "role", "relation", "follows"), CASES)
def test_what_follows_for_each_changed_row(matter, role, relation, follows):
    decided = ask(matter, role, hit(relation))
    if follows is None:
        assert (decided.decision, decided.matches) == ("clear", ())
    else:
        assert [(match.effect, match.reason) for match in decided.matches] == [(EFFECT[follows], follows)]


@pytest.mark.parametrize(("matter", "on", "basis"), BASES)
def test_an_answer_prints_the_article_of_its_day(matter, on, basis):
    role = "transferor" if matter in SELLERS else "other" if matter.startswith("company") else "applicant"
    assert basis in ask(matter, role, hit(LISTED), on=on).matches[0].measure.basis


def test_before_the_seed_nothing_rests_on_it():
    assert ask("investment_project_approval", "applicant", hit(LISTED), on=date(2018, 4, 19)).decision == "clear"


@pytest.mark.parametrize(
    ("matter", "role"),
    [
        ("exit_border", "guardian"),
        ("passport_issuance", "applicant"),
        ("equity_transfer_registration", "shareholder"),
        ("real_estate_mortgage_registration", "transferor"),
        ("payment_to_debtor", "applicant"),
        ("vehicle_transfer", "transferor"),
        ("mining_right_transfer", "transferor"),
    ],
)
def test_a_served_notice_blocks_whom_it_names(matter, role):
    decided = ask(matter, role, notices=[notice()])
    assert [(match.effect, match.reason) for match in decided.matches] == [("block", "notice")]


@pytest.mark.parametrize("role", ["transferee"])
@pytest.mark.parametrize("matter", ["exploration_right_transfer", "mining_right_transfer", "vehicle_transfer"])
def test_a_notice_against_a_seller_stops_nobody_who_buys(matter, role):
    assert ask(matter, role, notices=[notice()]).decision == "clear"


def ask(matter, role, *hits, on=TODAY, notices=()) -> SubjectDecision:
    found = founding_catalogue().by_code[matter]
    kind = SubjectKind.PERSON
    return decide(found, kind=kind, role=role, has_identifier=True, hits=hits, on=on, notices=notices)


def hit(relation) -> Hit:
    return Hit(uuid4(), Relation(relation), Identity.EXACT, LISTING)


def notice() -> NoticeHit:
    shown = NoticeShown("1", "n1", "某法院", "stop_transfer", "2026-01-01T00:00:01Z", None)
    return NoticeHit(shown, Identity.EXACT)
