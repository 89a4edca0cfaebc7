"""Unknown columns whose name or value tells of a state, an end or a removal.

If a row that has ended were read as if it had not, somebody would be listed again. So such a file waits until a person
confirms that the column changes nothing.
"""

import itertools
import re

_CHINESE = re.compile(
    r"状态|屏蔽|撤销|撤消|撤回|撤下|删除|移除|移出|退出|解除|终止|终结|失效|无效|有效|到期|届满|期满|截止|结束|结案|注销|下架|"
    r"修复|恢复|取消|作废|停用|启用|停止|暂停|中止|是否(?:公[示布]|发布|展示|显示|在列|在册|失信|履行完毕)|审批结[论果]|审核结[论果]|摘除|剔除|清退|出库|解列|"
    r"生效|在用|可用|在网|在榜|上线|下线|隐藏|显隐|归档|封存|吊销|存续|除名|解禁|软删|逻辑删|现行|历史(?:标[识志记]|数据|记录)|当前(?:标[识志记]|版本)"
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
        "op",
        "oper",
        "opt",
        "crud",
        "dml",
        "optype",
        "opflag",
        "action",
        "rectype",
        "changetype",
        *("archive", "archived", "history", "historic", "historical", "obsolete", "current", "iscurrent", "effective"),
        *(
            "void",
            "voided",
            "purge",
            "purged",
            "retired",
            "inforce",
            "live",
            "display",
            "displayed",
            "tombstone",
            "logicdelete",
        ),
    ]
)
_PINYIN = re.compile(
    r"(?:[cdn]_?)?(?:sx|gs|fb|jl|xx|sj|yx|aj|zx)?"
    r"(?:zt|ztmc|ztdm|pbsj|pbrq|pbyy\w*|cxsj|cxrq|cxyy\w*|scsj|scrq|scyy|scbz|scbj|sfsc|sfyx|sfpb|sfcx|sfgs|sfgk|sfxs|sfzx|yxbz|yxbj|sxbz|sxbs|yxbs|"
    r"ycsj|ycrq|ycyy|tcsj|tcrq|tcyy|jcsj|jcrq|jcyy|jzsj|jzrq|jssj|jsrq|dqsj|dqrq|jmrq|jmsj|sxrq_end|yxqz|yxqjz|xfsj|spjl|shjg|xfzt|czlx|jafs|jarq)"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


_ENDED = (
    *(
        "删除",
        "移除",
        "移出",
        "撤销",
        "撤消",
        "撤回",
        "撤下",
        "退出",
        "屏蔽",
        "下架",
        "除名",
        "摘除",
        "剔除",
        "清退",
        "解除",
    ),
    *("失效", "作废", "解列", "注销", "吊销", "停用", "下线", "终止", "终结", "归档"),
)
_ENDS = frozenset(
    {
        *(
            f"{before}{word}{after}"
            for before in ("", "已", "已经", "被", "已被")
            for word in _ENDED
            for after in ("", "名单")
        ),
        *(f"{before}从名单中{word}" for before in ("", "已") for word in _ENDED),
        *(f"{before}从失信名单中{word}" for before in ("", "已") for word in _ENDED),
        *(f"{how}{word}" for how in ("暂时", "临时", "提前") for word in _ENDED),
        *(
            f"{before}{word}"
            for before in ("", "已", "全部", "已全部")
            for word in ("履行完毕", "履行完", "结清", "结案", "执行完毕")
        ),
        *("delete", "deleted", "remove", "removed", "delist", "delisted", "withdraw", "withdrawn", "revoke", "revoked"),
        *("drop", "dropped", "unlist", "unlisted", "expired", "inactive", "invalid"),
    }
)
_LONGEST_END = max(map(len, _ENDS))


def is_word_of_an_end(value: str) -> bool:
    """Whether a cell of an unknown column consists of a word that ends a listing."""
    return len(value) <= _LONGEST_END and value.lower() in _ENDS


def speaks_of_an_end(name: str) -> bool:
    """Whether the name of a column may mean a state, an end or a removal."""
    if _CHINESE.search(name):
        return True
    if _PINYIN.fullmatch(name.strip().lower()):
        return True
    return not _ENGLISH.isdisjoint(_words(name))


def _words(name: str) -> set[str]:
    words = [word.lower() for word in _WORD.findall(name)]
    pairs = {first + second for first, second in itertools.pairwise(words)}
    return set(words) | pairs | {re.sub(r"[^a-z]", "", name.lower())}
