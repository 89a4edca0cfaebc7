"""Known shapes of lists, each as a made-up file: headers as they are found in practice; nobody in them is real."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from blacklist_service.clock import SHANGHAI
from tests.support import COURT_NAME, Service, day, resident_id, subject

NAME, COMPANY = "张三丰", "昆明甲号有限公司"
NUMBER, CODE = resident_id(711), "91530111MA6K70047X"
CASE = "(2025)云0111执901号"
BASIS = "(2024)云0111民初12号"
OBLIGATION = "支付货款"
CIRCUMSTANCE = "违反财产报告制度"
FILED, PUBLISHED, LEAVES = day(-60), day(-30), day(700)


def millis(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC).timestamp() * 1000)


COURT_EXPORT = {  # S1
    "ID": "a1",
    "AHDM": "1",
    "AH": CASE,
    "LASJ": FILED,
    "BZXRMC": NAME,
    "ZTMC": "已发布",
    "BZXRLXMC": "自然人",
    "XBMC": "男",
    "NL": "40",
    "ZJLXMC": "身份证",
    "ZJHM": NUMBER,
    "ZZJGDM": "",
    "FDDBR": "",
    "ZXYJZW": OBLIGATION,
    "LXQKMC": "全部未履行",
    "YLXQK": "",
    "WLXQK": "",
    "BSZGY": "0",
    "ZXFYMC": COURT_NAME,
    "ZXYJZZDW": COURT_NAME,
    "ZXYJWH": BASIS,
    "GBRQ": PUBLISHED,
    "ZXAY": "",
    "SXXWQXMC": CIRCUMSTANCE,
    "CPWS": "",
    "FBSJ": PUBLISHED,
    "JZSJ": LEAVES,
    "PBSJ": "",
    "PBYYMC": "",
    "CXSJ": "",
    "CXYYMC": "",
    "LASTUPDATE": PUBLISHED,
    "FYDM": "675",
    "DZ": "",
}
COURT_WORDS = {  # S2
    "流水号_失信被执行人": "1",
    "提起方式": "依职权",
    "案号": CASE,
    "失信被执行人": "77",
    "被执行人名称": COMPANY,
    "被执行人类型": "法人",
    "性别": "",
    "年龄": "",
    "证件类型": "",
    "证件号码": "",
    "组织机构代码": CODE,
    "机构负责人姓名": NAME,
    "机构负责人证件号码": NUMBER,
    "法律文书确认的义务": OBLIGATION,
    "被执行人履行情况": "全部未履行",
    "立案日期": FILED,
    "执行法院名称": COURT_NAME,
    "执行依据文号": BASIS,
    "发布时间": PUBLISHED,
    "失信被执行人行为情况": CIRCUMSTANCE,
    "失信文书文号": "(2025)云0111执901号之一",
    "失信状态": "有效",
    "审批人": "某",
    "审批时间": PUBLISHED,
}
COURT_TABLE = {  # S2, by the columns of its table
    "C_ID": "1",
    "C_AH": CASE,
    "C_BZXRMC": NAME,
    "C_BZXRLX": "自然人",
    "C_ZJHM": NUMBER,
    "C_ZZJGDM": "",
    "D_LARQ": FILED,
    "C_ZXFYMC": COURT_NAME,
    "C_ZXYJWH": BASIS,
    "D_FBSJ": PUBLISHED,
    "C_SXBZXRXWQK": CIRCUMSTANCE,
    "C_SXZT": "有效",
    "N_ZXFY": "2351",
}
SHARE = {  # S5, and S3 with what the platform adds
    "sxid": "7",
    "bzxrmc": NAME,
    "sfzhm": NUMBER,
    "zzjgdm": "",
    "fddbr": "",
    "fydm": "675",
    "zxfy": COURT_NAME,
    "zxyjwh": BASIS,
    "larq": FILED,
    "ah": CASE,
    "zczxyjdw": COURT_NAME,
    "sxflwsqdyw": OBLIGATION,
    "bzxrlxqk": "全部未履行",
    "fbrq": PUBLISHED,
    "sanh": "2025",
    "sabh": "901",
    "bzxrxh": "1",
    "ylxbf": "",
    "wlxbf": "",
    "xb": "男",
    "bzxrxz": "自然人",
    "csrq": "",
    "sxbzxrxwqk": CIRCUMSTANCE,
}
VENDOR = {  # S4: ZXFY is the number of the basis here
    "CASECODE": CASE,
    "NAME": NAME,
    "LTYPE": "自然人",
    "SEX": "男",
    "AGE": 40,
    "CARDNUM": NUMBER,
    "faren": "",
    "LASJ": FILED,
    "PDATE": PUBLISHED,
    "COURT": COURT_NAME,
    "AREA": "云南",
    "ZXFY": BASIS,
    "AUTHORG": COURT_NAME,
    "DUTY": OBLIGATION,
    "DISRUPT": CIRCUMSTANCE,
    "PERFORMANCE": "全部未履行",
    "PERFORMED": "",
    "UNPERFORM": "",
    "EXITDATE": LEAVES,
}
PLATFORM = {  # S6
    "INAME": NAME,
    "CARDNUM": NUMBER,
    "CARD_TYPE": "身份证",
    "CASE_CODE": CASE,
    "COURT_NAME": COURT_NAME,
    "AREA_NAME": "云南",
    "GIST_CID": BASIS,
    "GIST_UNIT": COURT_NAME,
    "DUTY": OBLIGATION,
    "PERFORMANCE": "全部未履行",
    "BUESINESSENTITY": "",
    "DISREPUT_TYPE_NAME": CIRCUMSTANCE,
    "PUBLISH_DATE": PUBLISHED,
    "REG_DATE": FILED,
    "TO_DATE": LEAVES,
}
CREDIT_CHINA = {  # S7: no number at all
    "数据类别": "失信被执行人",
    "失信被执行人名称": NAME,
    "数据来源": "最高法",
    "案号": CASE,
    "企业法人姓名": "",
    "执行法院": COURT_NAME,
    "地域名称": "云南",
    "执行依据文号": BASIS,
    "作出执行依据单位": COURT_NAME,
    "法律生效文书确定的义务": OBLIGATION,
    "被执行人的履行情况": "全部未履行",
    "失信被执行人具体情形": CIRCUMSTANCE,
    "发布时间": PUBLISHED,
    "立案时间": FILED,
    "已履行部分": "",
    "未履行部分": "",
    "最新更新日期": PUBLISHED,
}
LABELS = {f"{name}：": text for name, text in CREDIT_CHINA.items()} | {"身份证号码／组织机构代码：": NUMBER}  # S8
QCC = {  # S9
    "Ent_Name": COMPANY,
    "Liandate": FILED,
    "Anno": CASE,
    "Orgno": CODE,
    "Executeno": BASIS,
    "Publicdate": PUBLISHED,
    "Executestatus": "全部未履行",
    "Actionremark": CIRCUMSTANCE,
    "Executegov": COURT_NAME,
}
FAHAI = {  # S10
    "pname": NAME,
    "idcardNo": NUMBER,
    "caseNo": CASE,
    "court": COURT_NAME,
    "yjCode": BASIS,
    "yjdw": COURT_NAME,
    "yiwu": OBLIGATION,
    "lxqk": "全部未履行",
    "jtqx": CIRCUMSTANCE,
    "sortTime": millis(FILED),
}
TIANYANCHA = {  # S11: days as milliseconds, people as names
    "iname": COMPANY,
    "cardnum": CODE,
    "casecode": CASE,
    "courtname": COURT_NAME,
    "gistid": BASIS,
    "gistunit": COURT_NAME,
    "duty": OBLIGATION,
    "performance": "全部未履行",
    "disrupttypename": CIRCUMSTANCE,
    "publishdate": millis(PUBLISHED),
    "regdate": millis(FILED),
    "type": "1",
    "areaname": "云南",
    "staff": "李四,王五",
    "businessentity": NAME,
}
ALIPAY = {  # S12
    "sxbzxrmc": COMPANY,
    "case_no": CASE,
    "case_register_date": FILED,
    "execution_court": COURT_NAME,
    "fddbr": NAME,
    "issue_date": PUBLISHED,
    "province": "云南",
    "sxbzxrxw": CIRCUMSTANCE,
    "sxflwsyw": OBLIGATION,
    "zczxyjdw": COURT_NAME,
    "zxyjwh": BASIS,
    "bzxrdlxqk": "全部未履行",
    "tyshxydm": CODE,
}
BBD = {  # S12
    "pname": NAME,
    "pname_id": NUMBER,
    "frname": "",
    "exec_court_name": COURT_NAME,
    "province": "云南",
    "case_code": CASE,
    "exe_code": BASIS,
    "case_create_time": FILED,
    "exec_basunit": COURT_NAME,
    "definiteo_bligation": OBLIGATION,
    "perform_degree": "全部未履行",
    "concrete_situation": CIRCUMSTANCE,
    "pubdate": PUBLISHED,
    "idtype": "身份证",
}
TITLES = [  # S13
    *(
        {"title": "被执行人姓名", "value": NAME},
        {"title": "证件号码：", "value": NUMBER},
        {"title": "案号", "value": CASE},
    ),
    *({"title": "执行法院", "value": COURT_NAME}, {"title": "发布时间", "value": PUBLISHED}),
    *({"title": "失信被执行人行为具体情形", "value": CIRCUMSTANCE}, {"title": "立案时间", "value": FILED}),
]
TEMPLATE = {  # the court's own, filled in with the marks that templates have
    "*被执行人姓名/名称（必填）": NAME,
    "类型": "自然人",
    "身份证号": NUMBER,
    "执行案号（必填）": CASE,
    "执行法院名称": COURT_NAME,
    "立案日期": FILED,
    "公布日期": PUBLISHED,
    "有效期至": LEAVES,
    "失信情形": CIRCUMSTANCE,
    "失信文书文号": "(2025)云0111执901号之一",
}
ODD_DUTY = CREDIT_CHINA | {"身份证号码": NUMBER, "法律生效文书确定的义务": "="}  # S14

SHAPES: dict[str, tuple[Mapping[str, Any] | list[dict[str, str]], str]] = {
    "S1 court export": (COURT_EXPORT, "person"),
    "S2 court export in words": (COURT_WORDS, "company"),
    "S2 court export by columns": (COURT_TABLE, "person"),
    "S3 province to city": (SHARE | {"dsc_biz_operation": "insert", "dsc_biz_timestamp": "1"}, "person"),
    "S4 vendor": (VENDOR, "person"),
    "S5 share table": (SHARE, "person"),
    "S6 credit platform": (PLATFORM, "person"),
    "S8 labels": (LABELS, "person"),
    "S9 qcc": (QCC, "company"),
    "S10 fahai": (FAHAI, "person"),
    "S11 tianyancha": (TIANYANCHA, "company"),
    "S12 alipay": (ALIPAY, "company"),
    "S12 bbd": (BBD, "person"),
    "S13 labels and values": (TITLES, "person"),
    "S14 odd duty": (ODD_DUTY, "person"),
    "template": (TEMPLATE, "person"),
}


def asked(who: str) -> dict[str, Any]:
    if who == "person":
        return subject(NAME, NUMBER)
    return subject(COMPANY, CODE, kind="organisation", type="uscc")


async def load(service: Service, shape: Any, *, as_table: bool) -> Any:
    if not as_table:
        return await service.load_json(shape)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(shape))
    writer.writeheader()
    writer.writerow(shape)
    path = service.workplace.settings.data_dir / "shape.csv"
    path.write_text(text.getvalue(), "utf-8")
    return await service.load(path)


@pytest.mark.parametrize("as_table", [True, False], ids=["csv", "json lines"])
@pytest.mark.parametrize("name", SHAPES)
async def test_every_shape_lists_whom_it_names(service: Service, name: str, as_table: bool):
    shape, who = SHAPES[name]
    if isinstance(shape, list) and as_table:
        pytest.skip("labels and values are JSON")
    report = await load(service, shape, as_table=as_table)
    told = json.loads(report.as_json())
    assert (report.state, report.counts.created, told["rejected"]) == ("done", 1, []), told
    assert (
        await service.decide(
            asked(who), matter="government_procurement" if who == "company" else "civil_service_recruitment"
        )
        == "block"
    )
    [stored] = await service.fetch(
        "SELECT case_number, document FROM listing_versions v JOIN listings l ON l.id = v.listing_id"
    )
    document = stored["document"]
    assert stored["case_number"] == CASE
    assert document["circumstances"] == ["C4"]
    assert document["filed_on"] == FILED
    assert document["basis"]["document_number"] in (BASIS, None)
    if name in ("S1 court export", "S4 vendor", "S6 credit platform", "template"):
        assert document["expires_on"] == LEAVES
    if name != "S10 fahai":
        assert document["published_on"] == PUBLISHED


async def test_s7_has_no_number_and_waits_for_a_person(service: Service):
    report = await load(service, CREDIT_CHINA, as_table=False)
    assert (report.state, next(finding.code for finding in report.findings)) == (
        "awaiting_confirmation",
        "no-number-column",
    )


async def test_the_number_of_the_one_in_charge_is_found_by_it(service: Service):
    """机构负责人证件号码: without it nobody of an organisation is found who buys what a restricted debtor may not."""
    await load(service, COURT_WORDS, as_table=True)
    assert await service.decide(subject(NAME, NUMBER, role="applicant"), matter="land_use_right_acquisition") == "flag"


@pytest.mark.parametrize(
    "ending", [{"PBSJ": day(-2), "PBYYMC": "其他"}, {"CXSJ": day(-2), "CXYYMC": "错误纳入"}, {"ZTMC": "已撤销"}]
)
async def test_s1_with_an_end_lists_nobody(service: Service, ending: dict[str, str]):
    shape = COURT_EXPORT | ({"ZTMC": ""} if "ZTMC" not in ending else {}) | ending
    report = await load(service, shape, as_table=True)
    assert (report.counts.created, report.counts.unchanged) == (0, 1)


async def test_s3_delete_and_s4_exit_list_nobody(service: Service):
    for shape in (SHARE | {"dsc_biz_operation": "delete"}, VENDOR | {"EXITDATE": day(-2)}):
        report = await load(service, shape, as_table=False)
        assert (report.counts.created, report.counts.unchanged) == (0, 1)


async def test_a_court_may_be_numbered_by_its_area(service: Service):
    report = await load(service, SHARE | {"fydm": "530111", "zxfy": ""}, as_table=True)
    assert report.counts.created == 1
    other = await load(service, SHARE | {"fydm": "530102", "zxfy": "", "ah": "(2025)云0111执902号"}, as_table=True)
    assert [one["code"] for one in json.loads(other.as_json())["rejected"]] == ["court-mismatch"]
