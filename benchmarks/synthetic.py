"""Synthetic lists of any length: nobody is real, numbers have valid check digits, every row is a listing of its own."""

import argparse
import csv
import sys
from datetime import UTC, date, datetime, timedelta

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚桂英文斌宇鑫晨睿喆翀"
HEADER = (
    *(
        "操作",
        "被执行人姓名/名称",
        "类型",
        "证件类型",
        "身份证号码/组织机构代码",
        "性别",
        "法定代表人或者负责人姓名",
        "案号",
    ),
    *("执行法院", "法院代码", "立案时间", "发布时间", "执行依据文号", "做出执行依据单位", "生效法律文书确定的义务"),
    *(
        "被执行人的履行情况",
        "已履行部分",
        "未履行部分",
        "失信被执行人行为具体情形",
        "决定书文号",
        "决定日期",
        "期限届满日",
    ),
    *("宽限期至", "删除事由"),
)
COURT = "昆明市官渡区人民法院"


def resident_id(number: int) -> str:
    """The `number`-th person: a birth date and an order number, unique below some ten million."""
    born = date(1950, 1, 1) + timedelta(days=number % 19_000)
    region = 530_100 + number // 19_000 // 999 % 100
    body = f"{region}{born:%Y%m%d}{number // 19_000 % 999 + 1:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True)) % 11]


def name_of(number: int) -> str:
    mixed = number * 2_654_435_761 % 2**32
    return SURNAMES[mixed % len(SURNAMES)] + GIVEN[mixed // 64 % len(GIVEN)] + GIVEN[mixed // 4096 % len(GIVEN)]


def rows(count: int, first: int = 0, today: date | None = None):
    today = today or datetime.now(UTC).date()
    for number in range(first, first + count):
        published = today - timedelta(days=10 + number % 600)
        case = f"({published.year})云0111执{number + 1}号"
        yield (
            *("发布", name_of(number), "自然人", "居民身份证", resident_id(number), "", "", case, COURT, "云0111"),
            *(
                (published - timedelta(days=90)).isoformat(),
                published.isoformat(),
                f"({published.year - 1})云0111民初{number}号",
            ),
            *(
                COURT,
                f"支付货款{number % 97}万元,并承担利息",
                "全部未履行",
                "",
                "",
                "违反财产报告制度,违反限制高消费令",
            ),
            *(
                f"{case}之一",
                (published - timedelta(days=3)).isoformat(),
                (published + timedelta(days=730)).isoformat(),
                "",
                "",
            ),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    writer = csv.writer(sys.stdout)
    writer.writerow(HEADER)
    writer.writerows(rows(options.count, options.first))


if __name__ == "__main__":
    main()
