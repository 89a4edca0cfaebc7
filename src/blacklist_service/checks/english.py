"""The words of an explanation in English, beside the Chinese ones (`explanations`). Pure."""

from collections.abc import Mapping

TITLE = "Explanation of a check against the list of dishonest judgment debtors"
LABELS: Mapping[str, str] = {
    "核查编号": "check",
    "承办单位": "unit that asked",
    "办理事项": "matter",
    "业务编号": "the unit's file",
    "核查时间": "checked at",
    "核查结论": "answer",
    "依据版本": "made from",
    "提示": "note",
    "权利与救济": "rights and remedies",
    "处理": "what follows",
    "身份核对": "identity",
    "关系": "relation",
    "执行法院": "executing court",
    "执行案号": "case number",
    "决定书文号": "decision letter",
    "决定书送达日期": "served on",
    "失信情形": "circumstances",
    "发布日期": "published on",
    "期限届满": "term ends",
    "异议情况": "objection",
    "身份异议": "identity contested",
    "协助执行通知书": "notice of the court",
    "法律依据": "legal basis",
    "向何处提出异议": "where to object",
}
DECISIONS = {
    "block": "Stop, and hand the matter to the officer in charge",
    "flag": "Nothing is decided by itself: the officer in charge looks and decides",
    "clear": "Nothing was found on the list that the law would restrict here",
}
EFFECTS = {"block": "the matter is stopped", "flag": "an officer looks at it", "clear": "not affected"}
RELATIONS = {
    "debtor": "is the listed debtor",
    "legal_representative": "legal representative of a listed debtor (not listed in person)",
    "principal": "principal of a listed debtor (not listed in person)",
    "directly_responsible": "directly responsible for a listed debtor's duty (not listed in person)",
    "actual_controller": "actual controller of a listed debtor (not listed in person)",
}
IDENTITIES = {
    "exact": "number and name agree",
    "name_differs": "the number agrees, the name does not: the identity has to be verified",
    "masked": "the name agrees, part of the listed number is hidden: the identity has to be verified",
    "name_only": "only the name agrees: it may be a namesake",
}
REASONS = {
    "prohibition": "a law or a rule of the State forbids or restricts it",
    "notice": "the court has served a notice to assist in enforcement",
    "restriction": "a rule asks for a strict review",
    "reference": "a reference for prudence",
    "identity_uncertain": "the identity could not be established beyond doubt",
    "notice_missing": "no notice of the court is there yet; the officer in charge decides",
}
CIRCUMSTANCES = {
    "C1": "able to perform the duty of an effective legal document, and refuses",
    "C2": "obstructs or resists enforcement by forged evidence, violence or threats",
    "C3": "evades enforcement by false litigation or arbitration, or by hiding or moving assets",
    "C4": "violates the duty to report assets",
    "C5": "violates an order that limits consumption",
    "C6": "does not perform a settlement in enforcement, without good reason",
    "CX": "other circumstances (see the court's decision letter)",
}
DISPUTES = {
    "filed": "an application for correction is before the court",
    "reconsideration": "reconsideration was applied for; the publication is not suspended meanwhile",
    "rejected": "the application for correction was rejected",
    "upheld": "the application for correction is well founded; the court is acting on it",
}
REMEDY = (
    (
        "This result is no punishment. It was made by comparing with the list; you may ask the unit to explain it, and may "
        "refuse a decision that was made by automation alone."
    ),
    (
        "If you should not have been listed, if what is published is inaccurate or should be deleted, apply in writing "
        "to the executing court named above. It reviews within 15 days, and corrects within 3 working days if you are "
        "right; if it rejects, you may apply within 10 days of service to the next higher court for reconsideration, "
        "which does not suspend the publication."
    ),
    (
        "If it is not you (a namesake, for example), show the unit your identity document; the unit can file for you with "
        "the court that you are not the debtor, and the court looks the same day."
    ),
    (
        "Who has performed, or reached a settlement with the creditor and performed it, may ask the executing court for "
        "deletion."
    ),
)
NO_TERM = "no term is set"
NOT_REGISTERED = "not recorded"


def prefers_english(accept_language: str) -> bool:
    """Whether the Accept-Language header ranks English above Chinese (RFC 9110 §12.5.4); a malformed header ranks nothing."""
    ranks: dict[str, float] = {}
    for part in accept_language.lower().split(","):
        language, _, quality = part.strip().partition(";q=")
        try:
            rank = float(quality) if quality else 1.0
        except ValueError:
            continue
        primary = language.partition("-")[0]
        ranks[primary] = max(rank, ranks.get(primary, 0.0))
    return ranks.get("en", 0.0) > ranks.get("zh", 0.0)
