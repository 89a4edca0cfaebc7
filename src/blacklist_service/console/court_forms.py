"""The form of a listing: from the typed fields to the body that the API takes, and back for a correction."""

from collections.abc import Mapping
from typing import Any

from blacklist_service.console.court_words import LISTING_FIELDS
from blacklist_service.console.forms import Form
from blacklist_service.console.wording import CIRCUMSTANCES, TYPES_OF_KIND
from blacklist_service.listings.columns import KEPT, Field
from blacklist_service.listings.differences import at
from blacklist_service.listings.findings import ROW_SENTENCES

CODES = tuple(code for code in CIRCUMSTANCES if code != "CX")
PEOPLE_ROWS = 4
TEXTS = {
    "case_number": "case_number",
    "performance": "performance",
    "record_id": "record_id",
    "published_on": "published_on",
    "grace_until": "grace_until",
    "expires_on": "expires_on",
    "filed_on": "filed_on",
}
PLACED = frozenset(
    {
        *(Field.SEX, Field.SERVED_ON, Field.SEVERITY, Field.BASIS_NUMBER, Field.BASIS_ISSUER),
        *(Field.OBLIGATION, Field.PERFORMED_PART, Field.UNPERFORMED_PART),
    }
)
"""Kept columns that have a place in the form's template; the others come after it."""
FURTHER = tuple(one for one in KEPT if one.field not in PLACED)
NESTED = {
    "decision_number": ("decision", "document_number"),
    "decided_on": ("decision", "decided_on"),
    "on_application_of": ("decision", "on_application_of"),
}
LABELS = {
    **{one.field.value: LISTING_FIELDS[one.path] for one in KEPT},
    **{name: LISTING_FIELDS[field] for name, field in TEXTS.items()},
    "party_sequence": "被执行人序号",
    "kind": "类型",
    "name": "被执行人姓名/名称",
    "type": "证件类型",
    "number": "证件号码",
    "C1": "失信情形",
    "other_circumstance": "决定书所写情形",
    "decision_number": "决定书文号",
    "decided_on": "决定日期",
    "on_application_of": "纳入方式",
    "person_name_1": "有关人员",
    "reason": "理由",
    "act_decided_on": "本次决定日期",
    "code": "动态码",
}
"""The names of the fields in a summary of faults."""
POINTERS = {
    "/debtor/identifier/number": "number",
    "/debtor/identifier": "type",
    "/debtor/name": "name",
    "/debtor/kind": "kind",
    "/debtor/people": "person_name_1",
    "/circumstances": "C1",
    "/party_sequence": "party_sequence",
    **{f"/{field}": name for name, field in TEXTS.items()},
    **{f"/{'/'.join(path)}": name for name, path in NESTED.items()},
    **{f"/{one.place_in_request.replace('.', '/')}": one.field.value for one in KEPT},
}
SENTENCES = {
    **{code: sentence.zh for code, sentence in ROW_SENTENCES.items()},
    "blank": "不能为空",
    "missing": "不能为空",
    "string-too-short": "不能为空",
    "string-too-long": "内容过长",
    "date": "请填写日期",
    "invalid-identifier": "证件号码有误，请对照证件核对",
    "people": "自然人没有法定代表人等有关人员",
    "control-character": "含有不能使用的字符",
    "not-later": "必须晚于现在的期限届满日",
    "version-mismatch": "其他人员已经更改了这条信息，请对照最新内容后再提交；您填写的内容已保留",
    "court-mismatch": "只能办理本院的信息",
    "second-person-needed": "按本院设置，此项须提交复核",
    "idempotency-key-reused": "该表单已提交过，请刷新后重新填写",
}
CONFLICTS = {
    "This debtor is listed": "该被执行人在本案中已经公布，内容不同：请改为更正原有信息",
    "The debtor may be listed": "该被执行人在本案中可能已用另一种号码公布：请改为更正或先终止原有信息",
    "The debtor has more than one": "该被执行人在本案中有多条信息：请填写失信编号或决定书文号",
    "Listing again after an end": "该信息已经结束，再次纳入须有之后作出的决定",
    "For six months": "申请执行人申请删除后六个月内，不得再依其申请纳入（第十条第三款）",
    "The listing has ended": "该信息已经结束，不能再办理此项",
    "The listing is not suspended": "该信息没有被暂时屏蔽",
    "The identity of this listing is contested": "已经登记过身份存疑",
    "The identity of this listing is not": "没有登记身份存疑，无须解除",
    "The listing has not ended": "该信息尚未结束，不能出具解除证明",
}


def take_refusal(form: Form, problem: Mapping[str, Any], *, prefix: str = "", pointers: Any = None) -> None:
    """Show a refusal beside the fields; `prefix` is the path of the listing within the body."""
    fields = {f"{prefix}{pointer}": name for pointer, name in (POINTERS if pointers is None else pointers).items()}
    if problem["code"] == "conflict" or not problem.get("errors"):
        found = [said for start, said in CONFLICTS.items() if problem["title"].startswith(start)]
        form.general.append((found or [SENTENCES.get(problem["code"], problem["detail"])])[0])
        return
    form.take_problem(problem, fields, SENTENCES)


def body_of(form: Form, court_code: str) -> dict[str, Any]:
    """A publication from the form; empty fields are left out."""
    kind = form["kind"] if form["kind"] in TYPES_OF_KIND else "person"
    body: dict[str, Any] = {"court": {"code": court_code}}
    body |= {field: form.given(name) for name, field in TEXTS.items()}
    sequence = form.given("party_sequence")
    if sequence is not None:
        body["party_sequence"] = int(sequence) if sequence.isdecimal() else sequence
    for name, (part, field) in NESTED.items():
        if value := form.given(name):
            body.setdefault(part, {})[field] = value
    circumstances = [code for code in CODES if form[code]]
    if other := form.given("other_circumstance"):
        circumstances.append(other)
    body["circumstances"] = circumstances
    debtor: dict[str, Any] = {"kind": kind, "name": form["name"].strip()}
    if number := form.given("number"):
        debtor["identifier"] = {"type": _type(form["type"], kind), "number": number}
    people = [one for place in range(1, PEOPLE_ROWS + 1) if (one := _person(form, place))]
    if people:
        debtor["people"] = people
    body["debtor"] = debtor
    for column in KEPT:
        if value := form.given(column.field):
            group, _, field = column.place_in_request.rpartition(".")
            (body.setdefault(group, {}) if group else body)[field] = value
    return {name: value for name, value in body.items() if value is not None}


def values_of(listing: Mapping[str, Any]) -> dict[str, str]:
    """The initial values of a correction: the listing as its own court sees it."""
    debtor = listing["debtor"]
    values: dict[str, Any] = {name: listing.get(field) for name, field in TEXTS.items()}
    values |= {name: (listing.get(part) or {}).get(field) for name, (part, field) in NESTED.items()}
    values |= {one.field.value: at(listing, one.path) for one in KEPT}
    values |= {code: "1" for code in listing["circumstances"] if code in CODES}
    values["other_circumstance"] = listing.get("circumstances_text")
    values |= {"party_sequence": listing["party_sequence"], "kind": debtor["kind"], "name": debtor["name"]}
    if debtor.get("identifier"):
        values |= {"type": debtor["identifier"]["type"], "number": debtor["identifier"].get("number")}
    for place, person in enumerate(debtor.get("people") or (), start=1):
        identifier = person.get("identifier") or {}
        values |= {
            f"person_relation_{place}": person["relation"],
            f"person_name_{place}": person["name"],
            f"person_type_{place}": identifier.get("type"),
            f"person_number_{place}": identifier.get("number"),
            f"person_from_{place}": person.get("from"),
            f"person_to_{place}": person.get("to"),
        }
    return {name: str(value) for name, value in values.items() if value is not None}


def _type(chosen: str, kind: str) -> str:
    return chosen if chosen in TYPES_OF_KIND[kind] or chosen == "resident_id" else TYPES_OF_KIND[kind][0]


def _person(form: Form, place: int) -> dict[str, Any] | None:
    name = form.given(f"person_name_{place}")
    if name is None:
        return None
    number = form.given(f"person_number_{place}")
    person: dict[str, Any] = {"relation": form[f"person_relation_{place}"] or "legal_representative", "name": name}
    if number:
        type_ = form.given(f"person_type_{place}") or "resident_id"
        person["identifier"] = {"type": type_, "number": number}
    for field in ("from", "to"):
        if value := form.given(f"person_{field}_{place}"):
            person[field] = value
    return person
