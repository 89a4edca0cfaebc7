"""Every word of a page has its English; every code that a page may show has its word."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from blacklist_service import console
from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from blacklist_service.assistance.duties import DUTIES
from blacklist_service.assistance.rules import NoticeAction, NoticeState, ObjectKind, ReplyResult, Urgency
from blacklist_service.checks.rules import Decision, OutcomeAction, Reason
from blacklist_service.console import court_words, wording, wording_officers, wording_webhooks
from blacklist_service.console.maker import PAGE_OF_TASK
from blacklist_service.console.translations import WORD_LISTS, chinese_of_notes, english, english_of_what_was_done
from blacklist_service.ledger.actions import Act, Action
from blacklist_service.listings.resolution import FateKind
from blacklist_service.listings.rules import Ground, ListingState, SuspensionGround
from blacklist_service.listings.schemas import TaskResponse
from blacklist_service.measures.brake import Loss
from blacklist_service.measures.rules import MeasureClass, SubjectRole
from blacklist_service.members.rules import MemberKind
from blacklist_service.members.second_person.rules import RULES, CourtAct, Look, ReviewFinding
from blacklist_service.members.staff.queries import AccountConcern
from blacklist_service.members.staff.rules import Factor
from blacklist_service.proposals.rules import OF_OFFICERS, ProposalState, ReturnCode
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.subjects.keys import Identity
from blacklist_service.subjects.relations import Relation
from blacklist_service.watches.rules import Cause, EventType
from blacklist_service.webhooks.rules import DeliveryState
from blacklist_service.webhooks.targets import TargetFault
from blacklist_service.webhooks.waits import DisabledBy, State

FOLDER = Path(console.__file__).parent
CHINESE = re.compile(r'"([^"\n]*[\u4e00-\u9fff][^"\n]*)"')


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (wording.DUTIES, Duty),
        (wording_officers.KEY_ROLES, Role),
        (wording_officers.MEMBER_KINDS, MemberKind),
        (wording_officers.STANDINGS, AccountConcern),
        (wording_officers.COURT_ACTS, [act for act in CourtAct if RULES[act].look is Look.BEFORE]),
        (wording.DECISIONS, Decision),
        (wording.REASONS, Reason),
        (wording.IDENTITIES, Identity),
        (wording.RELATIONS, Relation),
        (wording.KINDS, SubjectKind),
        (wording.ROLES, SubjectRole),
        (wording.IDENTIFIER_TYPES, IdentifierType),
        (wording.MEASURE_CLASSES, MeasureClass),
        (wording.OUTCOMES, OutcomeAction),
        (wording.NOTICE_ACTIONS, NoticeAction),
        (wording.NOTICE_STATES, NoticeState),
        (wording.REPLY_RESULTS, ReplyResult),
        (wording.URGENCIES, Urgency),
        (wording.FACTORS, Factor),
        (wording.ACTIONS, Action),
        (wording.EVENT_TYPES, EventType),
        (wording.EVENT_CAUSES, Cause),
        (wording_webhooks.WEBHOOK_STATES, State),
        (wording_webhooks.CAUSES, DisabledBy),
        (wording_webhooks.DELIVERY_STATES, DeliveryState),
        (wording_webhooks.ERRORS, TargetFault),
        (court_words.COURT_ACTS, [*CourtAct, *OF_OFFICERS]),
        (court_words.LOSSES, Loss),
        (court_words.PROPOSAL_STATES, ProposalState),
        (court_words.RETURN_CODES, ReturnCode),
        (court_words.FINDINGS, ReviewFinding),
        (court_words.GROUNDS, Ground),
        (court_words.SUSPENSION_GROUNDS, SuspensionGround),
        (court_words.LISTING_STATES, ListingState),
        (court_words.LISTING_ACTS, Act),
        (court_words.FATES, FateKind),
        (court_words.OBJECT_KINDS, ObjectKind),
    ],
)
def test_every_code_has_its_word(table, codes):
    assert {code.value for code in codes} - {str(code) for code in table} == set()


def test_every_word_has_its_english():
    said: set[str] = set()
    for file in FOLDER.rglob("*.html"):
        text = file.read_text("utf-8")
        said |= set(CHINESE.findall(re.sub(r"<article.*?</article>", "", text, flags=re.DOTALL)))
    for name in sorted(file.stem for file in FOLDER.glob("*.py")):
        code = re.sub(r'""".*?"""', "", (FOLDER / f"{name}.py").read_text("utf-8"), flags=re.DOTALL)
        said |= set(CHINESE.findall(code))
    said |= {
        *court_words.LISTING_FIELDS.values(),
        *(word for table in court_words.VALUES.values() for word in table.values()),
        *(duty.longest for duty in DUTIES.values()),
    }
    assert said - set(english()) - {"中文"} == set()


PAPERS = {"explanation.html", "receipt.html"}
"""What is printed for a debtor is Chinese, whatever the language of the one who prints it."""


def test_no_word_of_a_table_is_shown_without_its_english():
    bare = re.compile(r"{{-? *(?:words|court)[.](?![A-Z_]+_(?:SIGNS|KINDS)\b)[A-Z_]+(?:\[|[.]get\()")
    found = {
        file.name: bare.findall(file.read_text("utf-8")) for file in FOLDER.rglob("*.html") if file.name not in PAPERS
    }
    assert {name: here for name, here in found.items() if here} == {}


def test_a_word_has_one_english_for_what_is_to_do_and_at_most_one_for_what_was_done():
    lists = [tomllib.loads((FOLDER / name).read_text("utf-8")) for name in WORD_LISTS]
    words = [word for one in lists for word in one["words"]]
    assert [word for word in words if words.count(word) > 1] == []
    assert set(lists[0]["done"]) <= set(words)
    assert english()["更正"] != english_of_what_was_done()["更正"]


def test_every_note_of_the_catalogue_has_its_chinese():
    catalogue = tomllib.loads((files("blacklist_service.measures") / "data" / "catalogue.toml").read_text("utf-8"))
    notes = {measure["note"] for measure in catalogue["measures"] if measure.get("note")}
    assert notes
    assert notes - set(chinese_of_notes()) == set()


def test_no_template_marks_anything_as_safe_or_carries_a_style_or_script_of_its_own():
    for file in FOLDER.rglob("*.html"):
        text = file.read_text("utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert not re.search(r"<style|\sstyle=|<script(?! src=)|\son\w+=", text), file.name


def test_every_task_of_a_court_has_its_word_its_button_and_its_page():
    codes = set(get_args(TaskResponse.model_fields["task"].annotation))
    assert codes == set(court_words.TASKS) == set(court_words.TASK_BUTTONS) == set(PAGE_OF_TASK)
