"""What a row says is to become of its listing: by its action, or by columns that say that it has ended. Pure.

Exports of courts and sharing platforms contain ended records beside those in force, distinguished by a state, by the day and
the reason of a 撤销 or 屏蔽, by a 退出日期, or by a mark. If these were ignored, a row would list somebody again whom the
court has removed. So they count as acts; an unknown word in them refuses the row, and so do two that cannot both be true.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import NamedTuple

from blacklist_service.listings.columns import Field
from blacklist_service.listings.files.values import read_date
from blacklist_service.listings.rules import UNSTATED, Refusal, RowAction, SuspensionGround
from blacklist_service.listings.wording import (
    ABSENT_NAMES,
    ACTIONS,
    BANKRUPTCY_WORDS,
    ENDING_STATES,
    GROUNDS,
    MARKS,
    OPERATIONS,
    STATES_IN_FORCE,
    TEMPORARY_WORDS,
    End,
    fold,
)

SAYING = frozenset(
    {
        *(Field.ACTION, Field.OPERATION, Field.STATE, Field.GROUND, Field.DELETED_ON),
        *(Field.WITHHELD_ON, Field.WITHHELD_REASON, Field.WITHDRAWN_ON, Field.WITHDRAWN_REASON),
        *(Field.EXITED_ON, Field.EXIT_REASON),
        *(Field.IS_REMOVED, Field.IS_WITHHELD, Field.IS_WITHDRAWN, Field.IS_IN_FORCE),
    }
)
"""The columns that are read here; a row without any of them is a publication."""

_PUBLISHING = frozenset({RowAction.PUBLISH, RowAction.CORRECT})
_ENDING = frozenset({RowAction.DELETE, RowAction.WITHDRAW, RowAction.SUSPEND})
_NOT_SO = re.compile(r"(?:尚?未|没有|不予)(?:被|予以)?(?:撤[销消]|屏蔽|删除|移[除出]|退出|解除)")
_STRONGEST_FIRST = (End.WITHDRAWN, End.REMOVED, End.WITHHELD)


class Standing(NamedTuple):
    """`is_stated` if an action says so, and not the record's own columns. `ended_on` is the day given for the end."""

    action: RowAction
    is_stated: bool = True
    ended_on: date | None = None
    ground: str | None = None
    leaves_on: date | None = None
    """A 退出日期 in the future: the end of the term."""
    refusals: tuple[tuple[Refusal, Field], ...] = ()


PUBLICATION = Standing(RowAction.PUBLISH)
_AN_ACTION = frozenset({Field.ACTION})
_PLAIN = {word: Standing(action) for word, action in ACTIONS.items() if action in _PUBLISHING} | {"": PUBLICATION}
"""Nearly every row: a publication, and nothing else."""


def read_standing(values: Mapping[Field, str], *, today: date) -> Standing:
    """What becomes of a row's listing; `refusals` if that cannot be determined."""
    said = SAYING.intersection(values)
    if not said:
        return PUBLICATION
    if said == _AN_ACTION and (plain := _PLAIN.get(values[Field.ACTION])) is not None:
        return plain
    return _Reading(values, today).read()


class _Stated(Enum):
    NOTHING = "nothing"
    UNKNOWN = "unknown"


class _Sign(NamedTuple):
    """A cell that says that the listing has ended."""

    end: End
    field: Field
    day: date | None = None


class _Reading:
    def __init__(self, values: Mapping[Field, str], today: date) -> None:
        self._values = values
        self._today = today
        self._signs: list[_Sign] = []
        self._in_force: Field | None = None
        self._leaves_on: date | None = None
        self._refusals: list[tuple[Refusal, Field]] = []

    def read(self) -> Standing:
        stated = self._stated()
        self._read_operation()
        self._read_state()
        self._read_marks()
        self._read_end(End.WITHHELD, Field.WITHHELD_ON, Field.WITHHELD_REASON)
        self._read_end(End.WITHDRAWN, Field.WITHDRAWN_ON, Field.WITHDRAWN_REASON)
        self._read_exit()
        deleted_on = self._past_day(Field.DELETED_ON)
        action = self._action(stated)
        self._check(stated, deleted_on)
        strongest = self._strongest()
        return Standing(
            action=action,
            is_stated=isinstance(stated, RowAction),
            ended_on=deleted_on or (strongest.day if strongest and action in _ENDING else None),
            ground=self._ground(action, is_stated=isinstance(stated, RowAction)),
            leaves_on=self._leaves_on if action in _PUBLISHING else None,
            refusals=tuple(self._refusals),
        )

    def _stated(self) -> RowAction | _Stated:
        written = self._text(Field.ACTION)
        if not written:
            return _Stated.NOTHING
        action = ACTIONS.get(fold(written))
        if action is None:
            self._refuse(Refusal.KIND_UNKNOWN, Field.ACTION)
            return _Stated.UNKNOWN
        return RowAction.SUSPEND if action is RowAction.DELETE and self._is_withheld_for_a_time(written) else action

    def _read_operation(self) -> None:
        if written := self._text(Field.OPERATION):
            word = fold(written)
            if word not in OPERATIONS:
                self._refuse(Refusal.KIND_UNKNOWN, Field.OPERATION)
            elif (end := OPERATIONS[word]) is not None:
                self._signs.append(_Sign(end, Field.OPERATION))

    def _read_state(self) -> None:
        written = fold(self._text(Field.STATE))
        if written in STATES_IN_FORCE:
            self._in_force = Field.STATE
        elif written in ENDING_STATES:
            self._signs.append(_Sign(ENDING_STATES[written], Field.STATE))
        elif not _is_absent(written):
            self._refuse(Refusal.KIND_UNKNOWN, Field.STATE)

    def _read_marks(self) -> None:
        """Yes or no; or a day or a state with the same meaning."""
        for field, end in _MARKS_OF.items():
            written = fold(self._text(field))
            if _is_absent(written):
                continue
            is_yes = MARKS.get(written, True if end is None and written in STATES_IN_FORCE else None)
            if is_yes is None and end is not None and written in STATES_IN_FORCE:
                continue
            if is_yes is not None and end is None and is_yes:
                self._in_force = field
            elif is_yes is not None:
                self._signs += [_Sign(end or End.REMOVED, field)] if is_yes or end is None else []
            elif (state := ENDING_STATES.get(written)) is not None:
                self._signs.append(_Sign(state, field))
            elif end is None or not self._is_day_of(end, field):
                self._refuse(Refusal.KIND_UNKNOWN, field)

    def _is_day_of(self, end: End, field: Field) -> bool:
        try:
            day = read_date(self._values[field])
        except ValueError:
            return False
        if day is not None and day <= self._today:
            self._signs.append(_Sign(end, field, day))
        return day is None or day <= self._today

    def _read_end(self, end: End, day_field: Field, reason_field: Field) -> None:
        day = self._past_day(day_field)
        if day is not None:
            self._signs.append(_Sign(end, day_field, day))
        self._read_reason(end, reason_field)

    def _read_reason(self, end: End, field: Field) -> None:
        reason = fold(self._text(field))
        if _is_absent(reason):
            return
        if _NOT_SO.match(reason) and reason not in GROUNDS:
            self._refuse(Refusal.KIND_UNKNOWN, field)
        self._signs.append(_Sign(end, field))

    def _read_exit(self) -> None:
        """A day in the past has ended the listing; one in the future is its last (期限届满日)."""
        day = self._day(Field.EXITED_ON)
        if day is None:
            self._read_reason(End.REMOVED, Field.EXIT_REASON)
        elif day < self._today:
            self._signs.append(_Sign(End.REMOVED, Field.EXITED_ON, day))
        else:
            self._leaves_on = day
            if self._day(Field.EXPIRES_ON, is_told=False) not in (None, day):
                self._refuse(Refusal.CELLS_DISAGREE, Field.EXITED_ON)

    def _strongest(self) -> _Sign | None:
        """Withdrawn is stronger than deleted, deleted than withheld; of one kind, a sign with a day is stronger."""
        signs = sorted(self._signs, key=lambda one: (_STRONGEST_FIRST.index(one.end), one.day is None))
        return signs[0] if signs else None

    def _action(self, stated: RowAction | _Stated) -> RowAction:
        strongest = self._strongest()
        if isinstance(stated, RowAction):
            return stated
        if strongest is None:
            return RowAction.PUBLISH
        if strongest.end is End.WITHDRAWN:
            return RowAction.WITHDRAW
        is_for_a_time = strongest.end is End.WITHHELD and self._is_withheld_for_a_time()
        return RowAction.SUSPEND if is_for_a_time else RowAction.DELETE

    def _check(self, stated: RowAction | _Stated, deleted_on: date | None) -> None:
        """Refuse combinations that cannot be true, and details of an end that no action asks for."""
        strongest = self._strongest()
        if strongest is not None:
            is_published = stated in _PUBLISHING or stated is RowAction.RESUME
            is_other_end = stated is RowAction.DELETE and strongest.end is End.WITHDRAWN
            is_in_force = stated is _Stated.NOTHING and self._in_force is not None
            if is_published or is_other_end or is_in_force:
                self._refuse(Refusal.ACTION_CONFLICTING, strongest.field)
            return
        asked_for = next((field for field in (Field.GROUND, Field.DELETED_ON) if self._is_filled(field)), None)
        if asked_for is None or (asked_for is Field.DELETED_ON and deleted_on is None):
            return
        if stated is _Stated.NOTHING:
            self._refuse(Refusal.ACTION_MISSING, asked_for)
        elif stated in _PUBLISHING:
            self._refuse(Refusal.ACTION_CONFLICTING, asked_for)

    def _ground(self, action: RowAction, *, is_stated: bool) -> str | None:
        if action is RowAction.SUSPEND:
            is_bankrupt = any(word in text for text in self._reasons() for word in BANKRUPTCY_WORDS)
            return SuspensionGround.BANKRUPTCY if is_bankrupt else SuspensionGround.OTHER
        if action is not RowAction.DELETE:
            return None
        ground = next((found for text in self._reasons() if (found := GROUNDS.get(fold(text))) is not None), None)
        if ground is None and is_stated and not fold(self._text(Field.ACTION)).startswith("屏蔽"):
            self._refuse(Refusal.GROUND_MISSING, Field.GROUND)
        return ground or UNSTATED

    def _reasons(self) -> list[str]:
        fields = (Field.GROUND, Field.WITHHELD_REASON, Field.EXIT_REASON, Field.STATE)
        return [text for field in fields if (text := self._text(field))]

    def _is_withheld_for_a_time(self, action: str = "") -> bool:
        is_withheld = "屏蔽" in action or any(sign.end is End.WITHHELD for sign in self._signs)
        said = (action, self._text(Field.WITHHELD_REASON), self._text(Field.GROUND), self._text(Field.STATE))
        return is_withheld and any(word in text for text in said for word in (*BANKRUPTCY_WORDS, *TEMPORARY_WORDS))

    def _past_day(self, field: Field) -> date | None:
        day = self._day(field)
        if day is not None and day > self._today:
            self._refuse(Refusal.DATE_INVALID, field)
        return day

    def _day(self, field: Field, *, is_told: bool = True) -> date | None:
        try:
            return read_date(self._values.get(field, ""))
        except ValueError:
            if is_told:
                self._refuse(Refusal.DATE_INVALID, field)
            return None

    def _is_filled(self, field: Field) -> bool:
        return not _is_absent(fold(self._text(field)))

    def _text(self, field: Field) -> str:
        return self._values.get(field, "")

    def _refuse(self, code: Refusal, field: Field) -> None:
        self._refusals.append((code, field))


_MARKS_OF: Mapping[Field, End | None] = {
    Field.IS_REMOVED: End.REMOVED,
    Field.IS_WITHHELD: End.WITHHELD,
    Field.IS_WITHDRAWN: End.WITHDRAWN,
    Field.IS_IN_FORCE: None,
}


def _is_absent(folded: str) -> bool:
    return not folded or folded in ABSENT_NAMES
