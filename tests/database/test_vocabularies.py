"""What a column may say in the database is what the code may say, word by word."""

from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest

from blacklist_service.access.duties import Duty, Office
from blacklist_service.access.scopes import Role
from blacklist_service.assistance import operations as notices
from blacklist_service.assistance.rules import NoticeAction, ReplyResult, Urgency
from blacklist_service.assistance.schemas import LeadKind, LeadState
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.audit.schemas import ExportResponse, SimulationResponse
from blacklist_service.checks.rules import Decision, OutcomeAction, Tell
from blacklist_service.database.restarts import FOLLOWED
from blacklist_service.database.vocabularies import vocabularies, widenings
from blacklist_service.ledger.actions import NAMES, Act, feed_type
from blacklist_service.ledger.log import RefusalKind
from blacklist_service.listings import findings
from blacklist_service.listings.import_schemas import ImportState
from blacklist_service.listings.letter_schemas import NotificationRequest
from blacklist_service.listings.objection_schemas import Grounds
from blacklist_service.listings.operations import objections
from blacklist_service.listings.reading import ENDINGS
from blacklist_service.listings.resolution import FateKind
from blacklist_service.listings.rules import ENDED, ImportMode, Refusal, RowAction, Warn
from blacklist_service.listings.schemas import ChangeResponse, DisputeState, PerformanceRequest
from blacklist_service.members.rules import MemberKind
from blacklist_service.members.second_person.rules import AT_ONCE, CourtAct, ReviewFinding
from blacklist_service.members.staff.rules import Factor
from blacklist_service.proposals.rules import ProposalAct, ProposalState
from blacklist_service.rosters.keeping import What
from blacklist_service.rosters.rules import RosterState
from blacklist_service.schema import metadata
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.watches.rules import EventType
from blacklist_service.webhooks.rules import DeliveryState
from blacklist_service.webhooks.waits import DisabledBy, State

OWN_WORDS = {"api_keys.kind", "heads.name", "staff_attempts.what"}
"""Columns whose words nothing outside one statement or one room compares."""

SAID_BY: dict[str, Any] = {
    "api_keys.role": Role,
    "court_options.act": CourtAct,
    "exports.format": ExportFormat,
    "exports.state": ExportResponse.model_fields["state"].annotation,
    "import_fates.fate": FateKind,
    "import_rows.action": RowAction,
    "imports.mode": ImportMode,
    "imports.state": ImportState,
    "leads.kind": LeadKind,
    "leads.state": LeadState,
    "ledger_sealing.kind": RefusalKind,
    "listing_notifications.addressee_kind": NotificationRequest.model_fields["addressee_kind"].annotation,
    "listing_versions.act": Act,
    "listings.dispute_state": DisputeState,
    "listings.ended": ENDED,
    "listings.kind": SubjectKind,
    "members.kind": MemberKind,
    "notice_events.act": notices.ACTION_OF_ACT,
    "notices.action": NoticeAction,
    "notices.result": ReplyResult,
    "notices.subject_kind": SubjectKind,
    "notices.urgency": Urgency,
    "objections.grounds": Grounds,
    "objections.state": objections.ACTION_OF_STATE,
    "proposals.act": ProposalAct,
    "roster_parts.what": get_args(What),
    "rosters.state": RosterState,
    "proposals.state": set(ProposalState) - {ProposalState.EXPIRED},
    "reviews.act": AT_ONCE,
    "reviews.finding": ReviewFinding,
    "simulations.state": {*get_args(SimulationResponse.model_fields["state"].annotation), "attended"},
    "check_outcomes.action": OutcomeAction,
    "listing_performances.kind": PerformanceRequest.model_fields["kind"].annotation,
    "staff.office": Office,
    "staff_duties.duty": Duty,
    "staff_sessions.factor": Factor,
    "version_restarts.name": FOLLOWED,
    "watch_events.after": Decision,
    "watch_events.before": Decision,
    "watch_events.type": EventType,
    "watches.decision": Decision,
    "watches.tell": Tell,
    "webhook_deliveries.state": DeliveryState,
    "webhooks.cause": DisabledBy,
    "webhooks.state": State,
}


COLUMNS = {f"{one.table}.{one.column}": set(one.words) for one in vocabularies(metadata)}


@pytest.mark.parametrize("column", sorted(SAID_BY))
def test_the_column_and_the_code_have_the_same_words(column: str):
    said = SAID_BY[column]
    words: set[Any] = set(get_args(said)) or set(said)
    assert {str(word) for word in words} == COLUMNS[column]


def test_every_column_of_words_is_held_to_the_code_or_is_nobody_elses():
    assert set(COLUMNS) == set(SAID_BY) | OWN_WORDS


def test_an_act_that_ends_a_listing_is_the_state_it_ends_in():
    assert {str(act) for act in ENDINGS} == {str(state) for state in ENDED}


def test_every_act_is_an_entry_of_the_ledger_and_what_changes_the_list_is_in_the_feed():
    assert set(NAMES) == set(Act)
    shown = get_args(ChangeResponse.model_fields["type"].annotation)
    assert {feed_type(act) for act in Act} - {Act.DECIDED} <= set(shown)


@pytest.mark.parametrize("words", [Refusal, Warn])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_person_is_told_of_every_refusal_and_warning_in_words(words: type[StrEnum], language: str):
    for word in words:
        said = getattr(findings.ROW_SENTENCES[word], language)
        assert said, word
        assert said != word


def test_a_new_word_of_the_code_is_a_step_that_lets_it_in():
    schema = Path("migrations/schema.sql").read_text("utf-8")
    assert widenings(metadata, schema) == []
    older = schema.replace("'reinstated'::text, ", "")
    assert older != schema
    [found] = widenings(metadata, older)
    assert (found.table, found.check) == ("listing_versions", "listing_versions_act_check")
    assert "'reinstated'" in found.statement
    assert found.statement.endswith("NOT VALID;")
