"""The golden cases of domain §6, as far as they need no court notice, against the founding catalogue."""

from datetime import date
from uuid import uuid4

import pytest

from blacklist_service.checks.rules import Decision, Hit, ListingShown, Reason, SubjectDecision, decide
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.subjects.keys import Identity
from blacklist_service.subjects.relations import Relation

TODAY = date(2026, 4, 24)
MATTERS = founding_catalogue().by_code
RELATED = [relation for relation in Relation if relation is not Relation.DEBTOR]


def test_a_listed_person_is_blocked_from_the_civil_service():  # golden 1
    assert outcome(ask("civil_service_recruitment", hit())) == ("block", "prohibition")


@pytest.mark.parametrize("relation", RELATED)
def test_who_only_stands_beside_a_listed_company_is_not_listed(relation):  # golden 2
    assert ask("civil_service_recruitment", hit(relation=relation)).decision is Decision.CLEAR


@pytest.mark.parametrize("relation", RELATED)
def test_who_stands_beside_a_listed_company_and_buys_a_flat_is_flagged(relation):  # golden 3
    decided = ask("real_estate_transfer", hit(relation=relation), role="transferee")
    assert outcome(decided) == ("flag", "restriction")


@pytest.mark.parametrize("relation", list(Relation))
def test_a_parent_is_flagged_for_a_human_to_decide(relation):  # golden 4
    assert outcome(ask("private_school_enrolment", hit(relation=relation), role="guardian")) == ("flag", "restriction")


def test_a_listed_seller_without_a_notice_is_flagged():  # golden 5
    assert outcome(ask("real_estate_transfer", hit(), role="transferor")) == ("flag", "notice_missing")


def test_a_listed_buyer_is_blocked():
    assert outcome(ask("real_estate_transfer", hit(), role="transferee")) == ("block", "prohibition")


@pytest.mark.parametrize("identity", [Identity.MASKED, Identity.NAME_DIFFERS, Identity.NAME_ONLY])
@pytest.mark.parametrize(
    "matter",
    sorted(
        code
        for code, matter in MATTERS.items()
        if matter.is_decided_here and "person" in (matter.measures[0].kinds or ("person",))
    ),
)
def test_an_uncertain_identity_is_a_flag_whatever_the_class(identity, matter):  # golden 6, 7
    role = (MATTERS[matter].measures[0].roles or ("applicant",))[0]
    assert outcome(ask(matter, hit(identity=identity), role=role)) == ("flag", "identity_uncertain")


@pytest.mark.parametrize("state", ["filed", "reconsideration", "rejected", "upheld"])
def test_a_dispute_is_shown_and_changes_nothing(state):  # golden 13
    decided = ask("civil_service_recruitment", hit(dispute_state=state))
    assert decided.decision is Decision.BLOCK
    shown = decided.matches[0].hit.listing
    assert shown
    assert shown.dispute_state == state


def test_a_listed_company_is_blocked_from_procurement_as_a_supplier():
    for role in ("bidder", "consortium_member", "applicant"):
        assert outcome(ask("government_procurement", hit(), role=role, kind="organisation")) == ("block", "prohibition")


def test_a_measure_that_is_not_yet_in_force_gives_no_match():
    assert ask("government_procurement", hit(), role="bidder", on=date(2016, 7, 31)).decision is Decision.CLEAR


def test_the_strongest_identity_stands_for_a_listing_found_by_two_keys():
    exact = hit()
    weak = Hit(exact.listing_id, exact.relation, Identity.NAME_ONLY, exact.listing)
    decided = ask("civil_service_recruitment", weak, exact)
    assert [match.hit.identity for match in decided.matches] == [Identity.EXACT]


def test_all_listings_are_shown_the_exact_ones_first():
    decided = ask(
        "civil_service_recruitment", hit(identity=Identity.MASKED), hit(), hit(identity=Identity.NAME_DIFFERS)
    )
    assert [match.hit.identity for match in decided.matches] == ["exact", "name_differs", "masked"]


def test_at_most_100_are_shown_and_all_are_counted():
    decided = ask("civil_service_recruitment", *(hit() for _ in range(150)), more=7)
    assert (len(decided.matches), decided.total) == (100, 157)


def test_a_question_without_an_identifier_shows_at_most_20():
    hits = [hit(identity=Identity.NAME_ONLY) for _ in range(30)]
    decided = ask("civil_service_recruitment", *hits, has_identifier=False)
    assert (len(decided.matches), decided.total) == (20, 30)


def ask(matter, *hits, role="applicant", kind="person", on=TODAY, has_identifier=True, more=0) -> SubjectDecision:
    return decide(MATTERS[matter], kind=kind, role=role, has_identifier=has_identifier, hits=hits, on=on, more=more)


def outcome(decided: SubjectDecision) -> tuple[Decision, Reason]:
    return decided.decision, decided.matches[0].reason


def hit(*, relation=Relation.DEBTOR, identity=Identity.EXACT, dispute_state=None) -> Hit:
    shown = ListingShown(
        case_number="(2018)云0111执1234号",
        court="昆明市官渡区人民法院",
        debtor_name="张三",
        debtor_identifier_masked="5301**********0015",
        circumstances=("C4",),
        published_on=date(2018, 4, 20),
        expires_on=None,
        dispute_state=dispute_state,
    )
    return Hit(uuid4(), relation, identity, shown)
