"""Whether a row publishes, corrects or ends its listing."""

from datetime import date, timedelta

import pytest

from blacklist_service.listings.columns import Field
from blacklist_service.listings.rules import Refusal, RowAction
from blacklist_service.listings.standing import Standing, read_standing

TODAY = date(2026, 11, 27)
PAST = TODAY - timedelta(days=30)
PUBLISH, CORRECT, DELETE, WITHDRAW, SUSPEND = (
    RowAction.PUBLISH,
    RowAction.CORRECT,
    RowAction.DELETE,
    RowAction.WITHDRAW,
    RowAction.SUSPEND,
)


def standing(**values: str) -> Standing:
    return read_standing({Field(name): text for name, text in values.items()}, today=TODAY)


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({}, PUBLISH),
        ({"action": "更正"}, CORRECT),
        ({"state": "有效"}, PUBLISH),
        ({"state": "无"}, PUBLISH),
        ({"state": "已撤销"}, WITHDRAW),
        ({"state": "已屏蔽"}, DELETE),
        ({"state": "暂时屏蔽"}, SUSPEND),
        ({"state": "已屏蔽", "withheld_reason": "进入破产程序"}, SUSPEND),
        ({"withheld_on": "2026-10-28"}, DELETE),
        ({"withheld_on": "2026-10-28", "withheld_reason": "暂时屏蔽"}, SUSPEND),
        ({"withheld_reason": "法院裁定受理破产重整"}, SUSPEND),
        ({"withheld_reason": "其他"}, DELETE),
        ({"withdrawn_on": "2026-10-28"}, WITHDRAW),
        ({"withdrawn_reason": "不应纳入"}, WITHDRAW),
        ({"withdrawn_on": "2026-10-28", "withheld_on": "2026-10-01"}, WITHDRAW),
        ({"withheld_on": "0000-00-00", "withdrawn_on": "无", "withdrawn_reason": "/"}, PUBLISH),
        ({"exited_on": "2026-10-28"}, DELETE),
        ({"exited_on": "长期"}, PUBLISH),
        ({"operation": "insert"}, PUBLISH),
        ({"operation": "DELETE"}, DELETE),
        ({"operation": "update", "state": "已移除"}, DELETE),
        ({"is_removed": "0"}, PUBLISH),
        ({"is_removed": "1"}, DELETE),
        ({"is_removed": "TRUE"}, DELETE),
        ({"is_removed": "2026-10-28"}, DELETE),
        ({"is_removed": "正常"}, PUBLISH),
        ({"is_withdrawn": "是"}, WITHDRAW),
        ({"is_in_force": "是"}, PUBLISH),
        ({"is_in_force": "否"}, DELETE),
        ({"is_in_force": "无"}, PUBLISH),
        ({"is_in_force": "已失效"}, DELETE),
        ({"state": "已删除", "ground": "已履行"}, DELETE),
    ],
)
def test_what_becomes_of_it(values, action):
    found = standing(**values)
    assert (found.action, found.refusals) == (action, ())


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"action": "#N/A"}, Refusal.KIND_UNKNOWN, Field.ACTION),
        ({"action": '{"code":"delete"}'}, Refusal.KIND_UNKNOWN, Field.ACTION),
        ({"operation": "x"}, Refusal.KIND_UNKNOWN, Field.OPERATION),
        ({"state": "1"}, Refusal.KIND_UNKNOWN, Field.STATE),
        ({"state": "审批中"}, Refusal.KIND_UNKNOWN, Field.STATE),
        ({"is_removed": "或许"}, Refusal.KIND_UNKNOWN, Field.IS_REMOVED),
        ({"is_in_force": "或许"}, Refusal.KIND_UNKNOWN, Field.IS_IN_FORCE),
        ({"withdrawn_reason": "未撤销"}, Refusal.KIND_UNKNOWN, Field.WITHDRAWN_REASON),
        ({"withheld_on": "#VALUE!"}, Refusal.DATE_INVALID, Field.WITHHELD_ON),
        ({"withdrawn_on": "2027-01-01"}, Refusal.DATE_INVALID, Field.WITHDRAWN_ON),
        ({"exited_on": "已退出"}, Refusal.DATE_INVALID, Field.EXITED_ON),
        ({"exited_on": "2027-01-01", "expires_on": "2028-01-01"}, Refusal.CELLS_DISAGREE, Field.EXITED_ON),
        ({"ground": "已履行"}, Refusal.ACTION_MISSING, Field.GROUND),
        ({"deleted_on": "2026-10-28"}, Refusal.ACTION_MISSING, Field.DELETED_ON),
        ({"operation": "update", "ground": "已履行"}, Refusal.ACTION_MISSING, Field.GROUND),
        ({"action": "发布", "ground": "已履行"}, Refusal.ACTION_CONFLICTING, Field.GROUND),
        ({"action": "发布", "state": "已撤销"}, Refusal.ACTION_CONFLICTING, Field.STATE),
        ({"action": "更正", "exited_on": "2026-10-28"}, Refusal.ACTION_CONFLICTING, Field.EXITED_ON),
        (
            {"action": "删除", "ground": "已履行", "withdrawn_on": "2026-10-28"},
            Refusal.ACTION_CONFLICTING,
            Field.WITHDRAWN_ON,
        ),
        ({"state": "有效", "withheld_on": "2026-10-28"}, Refusal.ACTION_CONFLICTING, Field.WITHHELD_ON),
        ({"is_in_force": "1", "operation": "delete"}, Refusal.ACTION_CONFLICTING, Field.OPERATION),
        ({"action": "删除"}, Refusal.GROUND_MISSING, Field.GROUND),
    ],
)
def test_what_nobody_can_say_refuses_the_row(values, code, field):
    assert standing(**values).refusals == ((code, field),)


def test_the_end_has_the_day_and_the_ground_that_are_given():
    assert standing(withheld_on="2026-10-28").ended_on == PAST
    assert standing(withheld_on="2026-10-28").ground == "unstated"
    assert standing(withheld_on="2026-10-28", withheld_reason="履行完毕").ground == "performed"
    assert standing(state="期限届满", exited_on="2026-10-28").ground == "term_expired"
    assert standing(withheld_on="2026-10-28", withheld_reason="破产").ground == "bankruptcy"
    assert standing(state="暂时屏蔽").ground == "other"
    assert standing(action="删除", ground="已履行", deleted_on="2026-10-28").ended_on == PAST
    assert standing(action="屏蔽").ground == "unstated"
    assert standing(action="屏蔽", withheld_reason="暂时").action is SUSPEND


def test_a_day_of_exit_to_come_is_the_term():
    assert standing(exited_on="2027-01-01").leaves_on == date(2027, 1, 1)
    assert standing(exited_on=TODAY.isoformat()).leaves_on == TODAY
    assert standing(exited_on="2027-01-01", expires_on="2027/1/1").refusals == ()


def test_only_an_action_is_stated():
    assert standing(action="删除", ground="已履行").is_stated
    assert not standing(operation="delete").is_stated
    assert not standing(state="已撤销").is_stated
