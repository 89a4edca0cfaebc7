"""Columns without a meaning here whose name speaks of a state, an end or a removal.

A row that has ended and is read as if it had not would list somebody again, so such a file waits for a person to say that
the column changes nothing.
"""

import itertools
import re

_CHINESE = re.compile(
    r"状态|屏蔽|撤销|撤消|撤回|撤下|删除|移除|移出|退出|解除|终止|终结|失效|无效|有效|到期|届满|期满|截止|结束|结案|注销|下架|"
    r"修复|恢复|取消|作废|停用|启用|停止|暂停|中止|是否(?:公[示布]|发布|展示|显示|在列|在册|失信|履行完毕)|审批结[论果]|审核结[论果]|摘除|剔除|清退|出库|解列"
)
_ENGLISH = frozenset(
    [
        "state",
        "status",
        "stat",
        "flag",
        "active",
        "inactive",
        "enabled",
        "disabled",
        "valid",
        "invalid",
        "validity",
        "validstate",
        "validflag",
        "sextvalidflag",
        "isshow",
        "isvalid",
        "isactive",
        "show",
        "visible",
        "hidden",
        "online",
        "offline",
        "delete",
        "deleted",
        "deletion",
        "del",
        "isdel",
        "isdeleted",
        "delflag",
        "remove",
        "removed",
        "removal",
        "drop",
        "dropped",
        "withdraw",
        "withdrawn",
        "withdrawal",
        "revoke",
        "revoked",
        "revocation",
        "cancel",
        "cancelled",
        "canceled",
        "cancellation",
        "end",
        "ended",
        "enddate",
        "endtime",
        "ending",
        "exit",
        "exited",
        "exitdate",
        "leave",
        "left",
        "quit",
        "finish",
        "finished",
        "expire",
        "expired",
        "expires",
        "expiry",
        "expiration",
        "expiredate",
        "until",
        "till",
        "thru",
        "validto",
        "todate",
        "dateto",
        "terminate",
        "terminated",
        "termination",
        "close",
        "closed",
        "lift",
        "lifted",
        "release",
        "released",
        "discharge",
        "delist",
        "delisted",
        "unlist",
        "unlisted",
        "suspend",
        "suspended",
        "suspension",
        "block",
        "blocked",
        "masked",
        "shield",
        "repair",
        "repaired",
        "restore",
        "restored",
        "operation",
        "operate",
        "optype",
        "opflag",
        "action",
        "rectype",
        "changetype",
    ]
)
_PINYIN = re.compile(
    r"(?:[cdn]_?)?(?:sx|gs|fb|jl|xx|sj|yx|aj|zx)?"
    r"(?:zt|ztmc|ztdm|pbsj|pbrq|pbyy\w*|cxsj|cxrq|cxyy\w*|scsj|scrq|scyy|scbz|scbj|sfsc|sfyx|sfpb|sfcx|sfgs|sfgk|yxbz|yxbj|"
    r"ycsj|ycrq|ycyy|tcsj|tcrq|tcyy|jcsj|jcrq|jcyy|jzsj|jzrq|jssj|jsrq|dqsj|dqrq|jmrq|jmsj|sxrq_end|yxqz|yxqjz|xfsj|spjl|shjg|xfzt|czlx|jafs|jarq)"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def speaks_of_an_end(name: str) -> bool:
    """Whether the name of a column may be that of a state, an end or a removal."""
    if _CHINESE.search(name):
        return True
    if _PINYIN.fullmatch(name.strip().lower()):
        return True
    return not _ENGLISH.isdisjoint(_words(name))


def _words(name: str) -> set[str]:
    words = [word.lower() for word in _WORD.findall(name)]
    pairs = {first + second for first, second in itertools.pairwise(words)}
    return set(words) | pairs | {re.sub(r"[^a-z]", "", name.lower())}
