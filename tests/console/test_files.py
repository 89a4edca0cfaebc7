"""Results of list files, as the court's clerk reads them."""

import csv
import io

from blacklist_service.access.duties import Duty
from blacklist_service.console.translations import chinese_of_files
from blacklist_service.listings.files.names import meaning_of
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.proposals.test_previews import as_file, work
from tests.support import Service, row


async def send(service: Service, file: tuple[str, bytes]) -> str:
    query = {"mode": "upsert", "preview": "true"}
    response = await service.client.post(
        "/v1/imports", files={"file": file}, params=query, headers=service.bearer("court")
    )
    assert response.status_code == 202, response.text
    await work(service)
    import_id: str = response.json()["import_id"]
    return import_id


async def test_refused_rows_come_back_in_words_and_load_once_mended(service: Service):
    maker = Desk(service)
    await maker.log_in(await add_person(service, "chen.jie", Duty.MAKER))
    import_id = await send(service, as_file(row(name=None), row())["file"])
    page = await maker.open(f"/console/imports/{import_id}/refused.csv")
    [header, refused] = csv.reader(io.StringIO(page.text.removeprefix("\ufeff")))
    assert "缺少被执行人姓名/名称" in refused
    refused[header.index("被执行人姓名/名称")] = "钱七"
    mended = io.StringIO()
    csv.writer(mended).writerows([header, refused])
    again = await send(service, ("mended.csv", mended.getvalue().encode()))
    await maker.open(f"/console/imports/{again}")
    assert "新增 1" in maker.text
    assert "退回 0" in maker.text


async def test_why_a_file_was_not_read_is_said_in_chinese(service: Service):
    maker = Desk(service)
    await maker.log_in(await add_person(service, "chen.jie", Duty.MAKER))
    import_id = await send(service, ("note.csv", "甲,乙\n1,2\n".encode()))
    await maker.open(f"/console/imports/{import_id}")
    assert "没有找到名单的表头" in maker.text, maker.text
    assert "expected" not in maker.text


def test_a_column_means_the_same_under_either_name():
    for name, chinese in chinese_of_files()["columns"].items():
        assert meaning_of(chinese) == meaning_of(name) is not None, (name, chinese)
