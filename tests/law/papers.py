"""The measure table as the papers say it: domain §2.2 as law §2 corrects it, transcribed by hand and never read from the
catalogue. The test of the catalogue pins it to this; the independent model decides by this.

`K` marks what law §2 has from knowledge alone: where that would newly block somebody, the row is a flag until a court
confirms it, and its certainty says so.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

P, N, R, A, X = "prohibition", "notice_required", "restriction", "reference", "none"
F, K = "found", "to_confirm"

DEBTOR = ("debtor",)
RESPONSIBLE = ("legal_representative", "principal", "directly_responsible", "actual_controller")
FOUR_AND_DEBTOR = (*DEBTOR, *RESPONSIBLE)
EXIT = ("debtor", "legal_representative", "principal", "directly_responsible")

ANY: tuple[str, ...] = ()
LEADERS = ("applicant", "legal_representative", "principal", "actual_controller", "other")
ITS_LEADERS = ("legal_representative", "principal", "actual_controller")
EXECUTIVES = ("applicant", "legal_representative", "principal", "other")
SUPPLIERS = ("applicant", "bidder", "consortium_member")
TENDERERS = ("bidder", "consortium_member")
HOLDERS = ("applicant", "transferor", "other")
SHAREHOLDERS = ("applicant", "shareholder", "transferor", "other")
BUYER = ("transferee",)
SELLER = ("transferor",)
BORROWER = ("applicant", "other")

PERSON, ORGANISATION, BOTH = ("person",), ("organisation",), ()


class Row(NamedTuple):
    """What one measure says in one matter, while one article stands. Both dates are inclusive."""

    matter: str
    id: str
    kind_of_effect: str
    relations: tuple[str, ...]
    roles: tuple[str, ...]
    kinds: tuple[str, ...]
    basis: str
    since: date
    until: date | None
    certainty: str


Article = tuple[str, date, date | None, str]


def article(basis: str, since: str, until: str | None = None, certainty: str = F) -> Article:
    return basis, date.fromisoformat(since), date.fromisoformat(until) if until else None, certainty


JOINT = "2016-09-25"  # 中办发〔2016〕64号
GUANDU = "2018-04-20"  # the seed
LIMIT = "2015-07-22"  # 法释〔2015〕17号
CPL_2021, CPL_2023 = "2022-01-01", "2024-01-01"  # the Civil Procedure Law renumbered twice

RESTRICTED = article("法释〔2015〕17号第三条", LIMIT)
HOUSING = article("中办发〔2016〕64号：限制购买房产、土地使用权；法释〔2015〕17号第三条", JOINT)
EXCLUDED = article("中办发〔2016〕64号：限制参评荣誉", JOINT)
STOP_PROCEDURE = (
    article("民事诉讼法第一百一十四条；依法协助法院停止办理相关手续", GUANDU, "2021-12-31"),
    article("民事诉讼法第一百一十七条；依法协助法院停止办理相关手续", CPL_2021, "2023-12-31"),
    article("民事诉讼法第一百一十七条；依法协助法院停止办理相关手续", CPL_2023),
)
SEIZED = "查封扣押冻结规定（2020）第二十三条"
STOP_REAL_ESTATE = (
    article("民事诉讼法第二百五十一条", GUANDU, "2020-12-31"),
    article(f"民事诉讼法第二百五十一条；{SEIZED}", "2021-01-01", "2021-12-31"),
    article(f"民事诉讼法第二百五十八条；{SEIZED}", CPL_2021, "2023-12-31"),
    article(f"民事诉讼法第二百六十二条；{SEIZED}", CPL_2023),
)


def stop_transfer(since: str) -> tuple[Article, ...]:
    return (
        article("民事诉讼法第二百五十一条", since, "2021-12-31"),
        article("民事诉讼法第二百五十八条", CPL_2021, "2023-12-31"),
        article("民事诉讼法第二百六十二条", CPL_2023),
    )


ASSETS = (
    article("民事诉讼法第二百四十二条", "2015-02-04", "2021-12-31"),
    article("民事诉讼法第二百四十九条", CPL_2021, "2022-04-09"),
    article("民事诉讼法第二百四十九条；民诉解释（2022）第四百八十五条", "2022-04-10", "2023-12-31"),
    article("民事诉讼法第二百五十三条；民诉解释（2022）第四百八十五条", CPL_2023),
)
INCOME = (
    article("民事诉讼法第二百四十三条；人民法院协助执行通知书", GUANDU, "2021-12-31", K),
    article("民事诉讼法第二百五十条；人民法院协助执行通知书", CPL_2021, "2023-12-31", K),
    article("民事诉讼法第二百五十四条；人民法院协助执行通知书", CPL_2023, None, K),
)

Said = tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[Article, ...]]


def said(
    id_: str,
    effect: str,
    *articles: Article,
    relations: tuple[str, ...] = DEBTOR,
    roles: tuple[str, ...] = ANY,
    kinds: tuple[str, ...] = BOTH,
) -> Said:
    return id_, effect, relations, roles, kinds, articles


def joint(words: str, certainty: str = F) -> Article:
    return article(f"中办发〔2016〕64号：{words}", JOINT, None, certainty)


M16_BUYER = (
    said("M16", P, HOUSING, roles=BUYER),
    said("M16", R, RESTRICTED, relations=RESPONSIBLE, roles=BUYER),
)
RIGHTS = (
    said("M17", N, *stop_transfer(GUANDU), roles=HOLDERS),
    said(
        "M17",
        R,
        article("中办发〔2016〕64号（六）1：限制从事土地、矿产等不动产资源开发利用", JOINT, None, K),
        roles=BUYER,
    ),
)
PROJECT = (said("M14", N, *STOP_PROCEDURE),)
LICENCE_HAZARD = "中办发〔2016〕64号（四）2：限制从事危险化学品、烟花爆竹、矿山、安全评价、检测检验等行业"

PAPERS: dict[str, tuple[Said, ...]] = {
    "civil_service_recruitment": (
        said(
            "M01",
            P,
            article("中办发〔2016〕64号：限制招录（聘）为公务员或事业单位工作人员", JOINT, "2019-05-31"),
            article("公务员法第二十六条第（四）项", "2019-06-01"),
            kinds=PERSON,
        ),
    ),
    "public_institution_recruitment": (
        said("M02", P, joint("限制招录（聘）为公务员或事业单位工作人员"), kinds=PERSON),
    ),
    "staff_appraisal_promotion": (said("M03", A, joint("作为评先评优、晋职晋级的参考"), kinds=PERSON),),
    "state_enterprise_executives": (said("M04", P, joint("限制担任国企高管"), kinds=PERSON),),
    "company_executive_registration": (
        said(
            "M05",
            P,
            article(
                "发改财金〔2016〕141号：限制担任公司董事、监事、高级管理人员、法定代表人", "2016-01-20", "2024-06-30"
            ),
            article(
                "公司法（2023）第一百七十八条第一款第（五）项；市场主体登记管理条例第十二条第（五）项", "2024-07-01"
            ),
            roles=EXECUTIVES,
            kinds=PERSON,
        ),
    ),
    "public_institution_legal_representative": (said("M06", P, joint("限制登记为事业单位法定代表人"), kinds=PERSON),),
    "social_organisation_registration": (said("M07", P, joint("限制发起设立社会组织、担任负责人")),),
    "financial_institution_participation": (said("M08", A, joint("设立金融类公司的审慎性参考")),),
    "financing_guarantee_founding": (said("M08", P, joint("限制设立融资担保公司")),),
    "financial_institution_executives": (said("M08", P, joint("限制担任金融机构高管"), kinds=PERSON),),
    "government_procurement": (
        said("M09", P, article("财库〔2016〕125号：应当拒绝其参与政府采购活动", "2016-08-01"), roles=SUPPLIERS),
    ),
    "tender_bidding": (
        said("M10", P, article("法〔2016〕285号：限制失信被执行人投标", "2016-09-01"), roles=TENDERERS),
    ),
    "bid_evaluation_expert": (
        said("M10", P, article("法〔2016〕285号：不得聘用为评标专家，已聘用的及时清退", "2016-09-01"), kinds=PERSON),
    ),
    "tender_agency": (said("M10", A, article("法〔2016〕285号：优先选择无失信记录的招标代理机构", "2016-09-01")),),
    "bidding_staff": (
        said("M10", R, article("法〔2016〕285号：限制招标从业人员", "2016-09-01", None, K), kinds=PERSON),
    ),
    "government_invested_project": (said("M11", P, joint("协助限制参与政府投资项目")),),
    "government_subsidy": (said("M12", R, joint("限制获得政府补贴、社会保障资金支持")),),
    "preferential_policy": (said("M13", A, joint("投资、进出口、科技等优惠政策的审慎性参考"), roles=LEADERS),),
    "tax_preference": (
        said(
            "M13", A, article("发改财金〔2016〕141号：税收优惠政策的审慎性参考", "2016-01-20", None, K), roles=LEADERS
        ),
    ),
    "investment_project_approval": PROJECT,
    "investment_project_ratification": PROJECT,
    "investment_project_filing": PROJECT,
    "real_estate_transfer": (said("M15", N, *STOP_REAL_ESTATE, roles=SELLER), *M16_BUYER),
    "land_use_right_acquisition": (said("M16", P, HOUSING), said("M16", R, RESTRICTED, relations=RESPONSIBLE)),
    "exploration_right_transfer": RIGHTS,
    "mining_right_transfer": RIGHTS,
    "state_asset_acquisition": (said("M18", P, joint("限制受让国有产权", K)),),
    "state_forest_grassland_use": (said("M19", R, joint("限制使用国有林地、草原", K)),),
    "construction_qualification": (said("M20", R, joint("限制房地产、建筑企业资质"), kinds=ORGANISATION),),
    "safety_licence": (
        said("M21", R, article("发改财金〔2016〕141号：从严审核行政许可", "2016-01-20"), roles=LEADERS),
    ),
    "hazardous_industry_licence": (said("M21", R, article(LICENCE_HAZARD, JOINT, None, K), roles=LEADERS),),
    "customs_certification": (said("M22", P, joint("限制海关认证", K), kinds=ORGANISATION),),
    "private_school_enrolment": (
        said(
            "M23",
            R,
            article("法释〔2015〕17号第三条第一款第（七）项", LIMIT),
            relations=FOUR_AND_DEBTOR,
            kinds=PERSON,
        ),
    ),
    "high_consumption": (said("M24", X, RESTRICTED, relations=FOUR_AND_DEBTOR),),
    "party_congress_nomination": (
        said("M25", P, joint("组织推荐的党代表、人大代表、政协委员候选人限制"), kinds=PERSON),
    ),
    "party_admission": (said("M25", A, joint("作为入党的审慎性参考", K), kinds=PERSON),),
    "military_enlistment": (
        said("M26", A, article("中办发〔2016〕64号（三）8：入伍服役的重要参考", JOINT, None, K), kinds=PERSON),
    ),
    "honours_award": (said("M27", P, EXCLUDED, roles=LEADERS),),
    "honours_review": (said("M27", R, joint("列入名单后取得的荣誉予以撤销"), roles=LEADERS),),
    "people_assessor_selection": (said("M28", P, article("人民陪审员法第七条第（四）项", "2018-04-27"), kinds=PERSON),),
    "credit_granting": (
        said("M29", R, article("中办发〔2016〕64号（五）3：从严审核授信", JOINT, None, K), roles=BORROWER),
        said(
            "M29",
            A,
            article("中办发〔2016〕64号（五）3：负责人失信的作为授信的审慎性参考", JOINT, None, K),
            roles=ITS_LEADERS,
        ),
    ),
    "exit_border": (
        said(
            "M30",
            N,
            article("出境入境管理法第十二条第（三）项；民诉法执行程序解释第二十四条", "2013-07-01"),
            relations=EXIT,
            kinds=PERSON,
        ),
    ),
    "passport_issuance": (
        said(
            "M30",
            N,
            article("护照法第十三条第一款第（五）项；民诉法执行程序解释第二十四条", "2007-01-01"),
            relations=EXIT,
            kinds=PERSON,
        ),
    ),
    "vehicle_transfer": (
        said("M31", N, *stop_transfer(JOINT), roles=HOLDERS),
        said("M38", R, RESTRICTED, relations=FOUR_AND_DEBTOR, roles=BUYER),
    ),
    "police_dispatch": (said("M32", X, article("官渡区执行联动机制：法院通报，立即出警", GUANDU, None, K)),),
    "credit_platform_publication": (
        said("M33", X, article("官渡区执行联动机制：在社会信用平台公布", GUANDU, None, K)),
    ),
    "asset_control": (said("M34", X, *ASSETS),),
    "supervision_assessment": (said("M35", X, article("官渡区执行联动机制：督查考评", GUANDU, None, K)),),
    "equity_transfer_registration": (
        said("M36", N, article("法释〔2021〕20号第六条", "2022-01-01"), roles=SHAREHOLDERS),
    ),
    "real_estate_mortgage_registration": (
        said("M37", N, article("查封扣押冻结规定（2020）第二十四条", "2021-01-01"), roles=HOLDERS),
    ),
    "vehicle_purchase_registration": (
        said("M38", P, article("法释〔2015〕17号第三条第一款第（五）项；中办发〔2016〕64号（七）6", JOINT)),
        said("M38", R, RESTRICTED, relations=RESPONSIBLE),
    ),
    "building_permit_luxury": (
        said("M39", P, article("法释〔2015〕17号第三条第一款第（三）项；中办发〔2016〕64号（七）6", JOINT)),
        said("M39", R, RESTRICTED, relations=RESPONSIBLE),
    ),
    "supervision_officer_recruitment": (
        said("M40", P, article("监察官法第十三条第（四）项", "2022-01-01"), kinds=PERSON),
    ),
    "private_fund_manager_registration": (
        said("M41", P, article("私募投资基金监督管理条例第九条第（四）项", "2023-09-01"), roles=LEADERS),
    ),
    "lawyer_honours": (
        said("M42", R, article("中办发〔2016〕64号（五）2：限制律师、律师事务所参评荣誉", JOINT, None, K)),
    ),
    "water_land_use_right": (
        said("M43", R, article("中办发〔2016〕64号（六）4：限制取得水流、荒地等自然资源使用权", JOINT, None, K)),
    ),
    "payment_to_debtor": (said("M44", N, *INCOME),),
}

NOT_TO_BE_ADDED = ("lawyer_licence", "notary_licence", "village_committee")


def rows() -> Iterator[Row]:
    for matter, measures in PAPERS.items():
        for id_, effect, relations, roles, kinds, articles in measures:
            for basis, since, until, certainty in articles:
                yield Row(matter, id_, effect, relations, roles, kinds, basis, since, until, certainty)
