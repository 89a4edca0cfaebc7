"""What each kind of notice requires of a unit, on what basis, and for how long it may bind by law. Pure.

The articles are those of the Civil Procedure Law in force since 2024-01-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from blacklist_service.assistance.rules import NoticeAction

BY_OBJECT = "存款不超过一年，动产不超过二年，不动产、其他财产权不超过三年，可以续行"
BY_NOTICE = "法律未规定最长期限，以通知书载明的日期为准，可以续行"
ONCE = "办理一次，不设期限"
FOUND, TO_CONFIRM = "found", "to_confirm"


@dataclass(frozen=True, slots=True)
class AssistanceDuty:
    """`certainty` is `to_confirm` if the basis was not found in a text, and a court has to confirm it."""

    name: str
    duty: str
    basis: str
    longest: str
    certainty: str = FOUND


DUTIES: Mapping[NoticeAction, AssistanceDuty] = {
    NoticeAction.STOP_TRANSFER: AssistanceDuty(
        "停止办理转移",
        "停止办理所列财产的转移、变更登记",
        "民事诉讼法第二百六十二条；查封扣押冻结规定第二十三条",
        BY_OBJECT,
    ),
    NoticeAction.STOP_PROCEDURE: AssistanceDuty(
        "停止办理手续", "停止办理所列事项的审批、核准、备案等手续", "民事诉讼法第一百一十七条", BY_OBJECT
    ),
    NoticeAction.QUERY: AssistanceDuty(
        "查询", "查询并如实答复被执行人的财产和有关情况", "民事诉讼法第二百五十三条", ONCE
    ),
    NoticeAction.FREEZE: AssistanceDuty(
        "冻结", "冻结所列存款、债券、股权等财产", "民事诉讼法第二百五十三条", BY_OBJECT
    ),
    NoticeAction.DEDUCT: AssistanceDuty("扣划", "将所列款项扣划至人民法院账户", "民事诉讼法第二百五十三条", ONCE),
    NoticeAction.SEIZE: AssistanceDuty(
        "查封、扣押", "办理所列财产的查封、扣押登记", "民事诉讼法第二百五十五条", BY_OBJECT
    ),
    NoticeAction.DISPATCH_POLICE: AssistanceDuty(
        "110出警", "立即出警，处置暴力、威胁抗拒执行的行为", "官渡区执行联动机制：法院通报，立即出警", ONCE, TO_CONFIRM
    ),
    NoticeAction.TRANSFER_EXECUTION: AssistanceDuty(
        "过户", "按照裁定将所列财产办理过户登记至通知书载明的权利人名下", "民事诉讼法第二百六十二条", ONCE
    ),
    NoticeAction.LOCATE_PERSON: AssistanceDuty(
        "查找人员",
        "协助查找被执行人下落，发现后立即告知法院",
        "民事诉讼法第一百一十七条；法发〔2010〕15号",
        ONCE,
        TO_CONFIRM,
    ),
    NoticeAction.CONTROL_VEHICLE: AssistanceDuty(
        "查控车辆", "协助查找、控制所列车辆，并停止为其办理转移登记", "民事诉讼法第二百五十五条", BY_OBJECT, TO_CONFIRM
    ),
    NoticeAction.BAR_EXIT: AssistanceDuty(
        "限制出境",
        "不准所列人员出境，不予签发出境证件",
        "民事诉讼法第二百六十六条；出境入境管理法第十二条第（三）项",
        BY_NOTICE,
    ),
    NoticeAction.WITHHOLD_INCOME: AssistanceDuty(
        "扣留、提取收入",
        "扣留、提取被执行人应当履行义务部分的收入，保留其本人及所扶养家属的生活必需费用",
        "民事诉讼法第二百五十四条",
        BY_NOTICE,
    ),
    NoticeAction.REFER_CRIME: AssistanceDuty(
        "移送拒执犯罪线索",
        "审查拒不执行判决、裁定犯罪的线索，依法立案侦查、审查或者书面答复不立案的理由",
        "刑法第三百一十三条；最高人民法院、最高人民检察院关于拒不执行判决、裁定刑事案件的解释（2024）",
        ONCE,
    ),
}
