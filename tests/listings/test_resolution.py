"""What becomes of rows, given what the list holds."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from blacklist_service.ledger.actions import Act
from blacklist_service.listings.distinction import Distinction
from blacklist_service.listings.held import Held, Row
from blacklist_service.listings.resolution import FateKind, Resolution, resolve
from blacklist_service.listings.rules import Refusal, RowAction, Warn

TODAY = date(2026, 4, 24)
KEY, OTHER_KEY, LOOSE = b"key", b"other", b"loose"


def test_a_new_row_is_created_and_published():
    result = settle([], publish())
    assert kinds(result) == [FateKind.CREATED]
    assert [(act.act, act.version, act.is_change) for act in result.acts] == [(Act.PUBLISHED, 1, True)]


def test_a_row_in_grace_is_created_but_is_no_change_of_the_list():
    result = settle([], publish(in_force_from=TODAY + timedelta(days=1)))
    assert [(act.act, act.is_change) for act in result.acts] == [(Act.DECIDED, False)]


def test_the_same_row_twice_is_unchanged():
    assert kinds(settle([], publish(), publish())) == [FateKind.CREATED, FateKind.UNCHANGED]


def test_content_once_held_is_unchanged_also_after_the_listing_ended():
    assert kinds(settle([held(ended="deleted", ended_on=TODAY)], publish())) == [FateKind.UNCHANGED]


def test_other_content_for_a_listing_in_force_corrects_it():
    result = settle([held()], publish(content=b"B"))
    assert kinds(result) == [FateKind.CORRECTED]
    assert [(act.act, act.version) for act in result.acts] == [(Act.CORRECTED, 2)]


def test_two_publications_of_one_key_with_other_content_in_one_file_conflict():
    result = settle([], publish(), publish(content=b"B"))
    assert result.fates[1].code is Refusal.CONFLICTING_DUPLICATE


def test_a_correction_row_is_no_conflicting_duplicate():
    assert kinds(settle([], publish(), correct(content=b"B"))) == [FateKind.CREATED, FateKind.CORRECTED]


def test_a_deletion_ends_what_an_earlier_row_published():
    result = settle([], publish(), end(RowAction.DELETE))
    assert kinds(result) == [FateKind.CREATED, FateKind.ENDED]
    assert [act.act for act in result.acts] == [Act.PUBLISHED, Act.DELETED]


def test_a_row_that_ends_without_the_number_finds_its_listing_by_name():
    assert kinds(settle([held()], end(RowAction.DELETE, key=OTHER_KEY))) == [FateKind.ENDED]


def test_a_row_that_could_end_two_listings_is_ambiguous():
    two = [held(), held(keys={b"second"})]
    assert settle(two, end(RowAction.DELETE, key=OTHER_KEY)).fates[0].code is Refusal.AMBIGUOUS_LISTING


def test_a_row_that_ends_nothing_known_is_refused():
    assert settle([], end(RowAction.DELETE)).fates[0].code is Refusal.UNKNOWN_LISTING


def test_an_ending_that_was_already_so_is_unchanged():
    assert kinds(settle([held(ended="deleted", ended_on=TODAY)], end(RowAction.DELETE))) == [FateKind.UNCHANGED]


def test_a_deleted_listing_may_still_be_withdrawn():
    assert kinds(settle([held(ended="deleted", ended_on=TODAY)], end(RowAction.WITHDRAW))) == [FateKind.ENDED]


def test_a_withdrawn_listing_stays_withdrawn_and_the_row_is_told():
    result = settle([held(ended="withdrawn", ended_on=TODAY)], end(RowAction.DELETE))
    assert result.fates[0].warnings == (Warn.ALREADY_ENDED,)
    assert result.acts == []


def test_a_ground_of_article_10_1_for_a_listing_with_a_term_takes_effect_and_is_told():
    listing = held(expires_on=TODAY + timedelta(days=300))
    result = settle([listing], end(RowAction.DELETE, ground="performed"))
    assert (result.fates[0].kind, result.fates[0].warnings) == (FateKind.ENDED, (Warn.GROUND_UNUSUAL,))


def test_listing_again_needs_a_decision_made_after_the_end():
    ended = held(ended="deleted", ended_on=date(2026, 3, 1))
    old = settle([ended], publish(content=b"B", decided_on=date(2026, 3, 1)))
    new = settle([ended], publish(content=b"B", decided_on=date(2026, 3, 2)))
    assert (old.fates[0].kind, old.fates[0].warnings) == (FateKind.UNCHANGED, (Warn.RELISTING_UNDECIDED,))
    assert new.fates[0].kind is FateKind.CREATED


def test_an_undated_relisting_needs_another_document():
    ended = held(ended="deleted", ended_on=date(2026, 3, 1), decision_number="之一")
    assert kinds(settle([ended], publish(content=b"B", decision_number="之一"))) == [FateKind.UNCHANGED]
    assert kinds(settle([ended], publish(content=b"B", decision_number="之二"))) == [FateKind.CREATED]


def test_listing_again_after_a_term_that_nobody_wrote_down_ends_the_old_one_first():
    past = held(expires_on=TODAY - timedelta(days=1))
    result = settle([past], publish(content=b"B", decided_on=TODAY))
    assert [act.act for act in result.acts] == [Act.EXPIRED, Act.PUBLISHED]


def test_the_key_a_listing_had_before_a_correction_stays_its_alias():
    corrected = held(keys={KEY, b"former"}, contents={b"A", b"former content"})
    assert kinds(settle([corrected], publish(key=b"former", content=b"former content"))) == [FateKind.UNCHANGED]


def test_after_a_deletion_in_the_file_a_new_decision_lists_again():
    rows = [
        publish(),
        end(RowAction.DELETE, decided_on=date(2026, 3, 1)),
        publish(content=b"B", decided_on=date(2026, 4, 1)),
    ]
    assert kinds(settle([], *rows)) == [FateKind.CREATED, FateKind.ENDED, FateKind.CREATED]


def test_the_same_file_again_does_not_end_what_it_listed_again():
    for ended_on in (date(2026, 3, 1), None):
        rows = [
            publish(),
            end(RowAction.DELETE, decided_on=ended_on),
            publish(content=b"B", decided_on=TODAY + timedelta(days=1)),
        ]
        gone = held(ended="deleted", ended_on=ended_on or TODAY - timedelta(days=9))
        again = settle([gone, held(contents={b"B"})], *rows)
        assert kinds(again) == [FateKind.UNCHANGED] * 3


def test_a_later_ending_ends_what_was_listed_again():
    gone = held(ended="deleted", ended_on=date(2026, 3, 1))
    result = settle([gone, held(contents={b"B"})], end(RowAction.DELETE, decided_on=date(2026, 4, 20)))
    assert kinds(result) == [FateKind.ENDED]


ROWS = st.lists(
    st.builds(
        lambda action, key, content, days: Row(
            number=0,
            action=action,
            natural_key=key,
            loose_key=LOOSE + key,
            content_digest=content if action in (RowAction.PUBLISH, RowAction.CORRECT) else None,
            in_force_from=TODAY if action in (RowAction.PUBLISH, RowAction.CORRECT) else None,
            decided_on=TODAY - timedelta(days=days),
        ),
        st.sampled_from(list(RowAction)),
        st.sampled_from([b"k1", b"k2"]),
        st.sampled_from([b"A", b"B", b"C"]),
        st.integers(0, 5),
    ),
    max_size=12,
)


@given(ROWS)
def test_every_row_has_one_fate_and_versions_follow_without_a_gap(rows):
    result = settle([], *rows)
    assert len(result.fates) == len(rows)
    seen: dict[UUID, int] = {}
    for act in result.acts:
        assert act.version == seen.get(act.listing_id, 0) + 1
        seen[act.listing_id] = act.version


@given(ROWS)
def test_at_no_time_do_two_listings_in_force_share_a_natural_key(rows):
    result = settle([], *rows)
    living: dict[bytes, UUID] = {}
    keys = {fate.listing_id: row.natural_key for fate, row in zip(result.fates, rows, strict=True) if fate.listing_id}
    for act in result.acts:
        key = keys[act.listing_id]
        if act.act is Act.PUBLISHED:
            assert key not in living
            living[key] = act.listing_id
        elif act.row is None:
            living.pop(key, None)


TWINS = st.lists(
    st.builds(
        lambda action, content, record_id, decision, about, days: Row(
            number=0,
            action=action,
            natural_key=KEY,
            loose_key=LOOSE,
            content_digest=content if action in (RowAction.PUBLISH, RowAction.CORRECT) else None,
            in_force_from=TODAY if action in (RowAction.PUBLISH, RowAction.CORRECT) else None,
            decided_on=TODAY - timedelta(days=days),
            naming=Distinction(record_id, decision, frozenset({about})),
        ),
        st.sampled_from(list(RowAction)),
        st.sampled_from([b"A", b"B", b"C"]),
        st.sampled_from([None, "1", "2"]),
        st.sampled_from([None, "之一", "之二"]),
        st.sampled_from(["C1", "C4"]),
        st.integers(0, 5),
    ),
    max_size=12,
)


@given(TWINS)
def test_listings_in_force_of_one_debtor_in_one_case_are_always_told_apart(rows):
    """What the unique index `listings_told_apart` holds the list to."""
    result = settle([], *numbered(rows))
    said = {row.number: row.naming for row in numbered(rows)}
    living: dict[UUID, tuple[str | None, str | None]] = {}
    for act in result.acts:
        if act.row is not None:
            record_id, _ = living.get(act.listing_id, (None, None))
            living[act.listing_id] = (said[act.row].record_id or record_id, said[act.row].decision_number)
        elif act.act in (Act.DELETED, Act.WITHDRAWN, Act.EXPIRED):
            living.pop(act.listing_id, None)
        assert len(set(living.values())) == len(living)


def numbered(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, number=number) for number, row in enumerate(rows)]


def settle(listings: Sequence[Held], *rows: Row) -> Resolution:
    return resolve(listings, rows, iter(uuid4, None), today=TODAY)


def kinds(result: Resolution) -> list[FateKind]:
    return [fate.kind for fate in result.fates]


def publish(*, key=KEY, content=b"A", in_force_from=TODAY, decided_on=None, decision_number=None) -> Row:
    naming = Distinction(decision_number=decision_number)
    return Row(1, RowAction.PUBLISH, key, LOOSE, content, in_force_from, None, decided_on, naming=naming)


def correct(*, content) -> Row:
    return Row(1, RowAction.CORRECT, KEY, LOOSE, content, TODAY)


def end(action, *, key=KEY, ground=None, decided_on=None) -> Row:
    return Row(1, action, key, LOOSE, decided_on=decided_on, ground=ground)


def held(*, keys=None, contents=None, expires_on=None, ended=None, ended_on=None, decision_number=None) -> Held:
    return Held(
        listing_id=uuid4(),
        version=1,
        keys=keys or {KEY},
        loose_key=LOOSE,
        contents=contents or {b"A"},
        content_digest=b"A",
        in_force_from=TODAY - timedelta(days=100),
        expires_on=expires_on,
        naming=Distinction(decision_number=decision_number),
        is_published=True,
        ended=ended,
        ended_on=ended_on,
    )
