"""Words of the webhook pages."""

from collections.abc import Mapping

WEBHOOK_STATES: Mapping[str, str] = {
    "awaiting_approval": "待批准",
    "verifying": "验证中",
    "active": "正常",
    "failing": "推送失败",
    "disabled": "已停用",
    "closed": "已关闭",
}
TAGS: Mapping[str, str] = {
    "awaiting_approval": "flag",
    "verifying": "plain",
    "active": "clear",
    "failing": "block",
    "disabled": "block",
    "closed": "plain",
}
"""The colour of each state."""
CAUSES: Mapping[str, str] = {"gone": "对方明确表示不再接收", "days": "连续多日无法送达"}
DELIVERY_STATES: Mapping[str, str] = {
    "pending": "待送达",
    "delivered": "已送达",
    "superseded": "由新变动取代",
    "dead": "未能送达",
}
DELIVERY_TAGS: Mapping[str, str] = {"pending": "flag", "delivered": "clear", "superseded": "plain", "dead": "block"}
ERRORS: Mapping[str, str] = {
    "status": "对方返回错误",
    "redirect": "对方要求转到其他地址",
    "gone": "对方不再接收",
    "challenge": "对方未按要求回显",
    "timeout": "对方响应超时",
    "timeout-connect": "连接超时",
    "refused": "连接被拒绝",
    "unreachable": "无法连接",
    "tls": "证书未通过验证",
    "cut": "连接中断",
    "protocol": "对方不是有效的接收端",
    "error": "本系统出错，见运行日志",
    "unresolved": "域名无法解析",
    "url": "地址写法不被接受",
    "not-listed": "地址不在允许范围内",
    "loopback": "指向本机，不予连接",
    "unspecified": "指向无效地址，不予连接",
    "link-local": "指向链路本地地址，不予连接",
    "multicast": "指向组播地址，不予连接",
    "reserved": "指向保留地址，不予连接",
    "metadata": "指向云平台元数据，不予连接",
    "own-unknown": "本系统数据库的地址无法解析，暂不连接任何地址",
    "own-socket": "指向本系统，不予连接",
    "database": "指向数据库，不予连接",
    "private": "指向未列入的内部网络，不予连接",
    "elsewhere": "指向未列入的网络，不予连接",
}
DONE: Mapping[str, str] = {
    "approval": "已批准，正在向该地址发送验证请求。",
    "closure": "已关闭，不再推送。",
    "test": "已安排测试，几秒后刷新本页查看结果。",
    "replay": "已安排重新推送。",
}
