"""The court's desk as its people use it, in a browser."""

from pathlib import Path

from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from tests.console.browser.conftest import Hall, Seat
from tests.members.staff.people import add_person
from tests.proposals.test_previews import as_file, work
from tests.support import Service, day, resident_id, row, subject

CASE = "(2026)云0111执4321号"


async def narrow(seat: Seat, name: str) -> None:
    """At 320 px nothing overflows; the picture is for looking at."""
    await seat.page.set_viewport_size({"width": 320, "height": 800})
    wide = await seat.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320, f"{name} is wider than 320: {wide}"
    await seat.picture(f"{name}-320")
    await seat.page.set_viewport_size({"width": 1440, "height": 900})


async def look(seat: Seat, name: str) -> None:
    await seat.picture(name)
    await seat.accessible()
    await narrow(seat, name)


async def fill_publication(seat: Seat, number: str) -> None:
    page = seat.page
    await page.get_by_label("案号").fill(CASE)
    await page.get_by_label("被执行人姓名/名称").or_(page.get_by_label("姓名/名称")).first.fill("赵六")
    await page.locator("#number").fill(number)
    await page.get_by_label("违反财产报告制度").check()
    await page.get_by_label("决定书文号").fill(f"{CASE}之一")
    await page.get_by_label("决定日期").fill(day(-3))
    await page.get_by_label("发布日期").fill(day(-1))
    await page.get_by_label("生效法律文书确定的义务").fill("支付货款 120000 元")


async def test_a_listing_is_published_by_two_and_the_number_is_typed_blind(hall: Hall, service: Service):
    number = resident_id()
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    checker = await add_person(service, "lin.fang", Duty.CHECKER)
    async with hall.seat() as seat:
        await seat.log_in(maker)
        await look(seat, "maker-home")
        await seat.open("/listings/new")
        await look(seat, "maker-publish")
        await seat.press("下一步：核对")
        await seat.page.get_by_label("案号").fill("x")
        await seat.press("下一步：核对")
        await fill_publication(seat, number[:-1] + ("1" if number[-1] != "1" else "2"))
        await seat.press("下一步：核对")
        await seat.says("提交复核")
        await seat.says("校验位不符")
        await look(seat, "maker-publish-check")
        await seat.press("返回修改")
        assert await seat.page.get_by_label("案号").input_value() == CASE
        await seat.page.locator("#number").fill(number)
        await seat.press("下一步：核对")
        await seat.press("提交复核")
        await seat.says("已提交复核")
        await look(seat, "maker-proposal")
        assert not await seat.page.get_by_role("button", name="复核通过并生效").count()
        proposal = seat.page.url.rpartition("/")[2].partition("?")[0]
        await seat.open("/proposals")
        await look(seat, "maker-proposals")
    assert await service.decide(subject("赵六", number)) == "clear"
    async with hall.seat(scripts=False) as seat:
        await seat.log_in(checker)
        await seat.picture("checker-home")
        await seat.open(f"/proposals/{proposal}")
        await seat.picture("checker-proposal")
        assert number not in await seat.page.content()
        await seat.page.locator("#number").fill(number[:-1] + ("1" if number[-1] != "1" else "2"))
        await seat.press("复核通过并生效")
        await seat.says("不是有效的证件号码")
        await seat.picture("checker-proposal-fault")
        assert await seat.page.locator("#number").input_value() == ""
        await seat.page.locator("#number").fill(number)
        await seat.press("复核通过并生效")
        await seat.says("复核通过并已生效")
        await seat.picture("checker-proposal-done")
    assert await service.decide(subject("赵六", number)) == "block"


async def test_a_number_that_differs_goes_back_and_is_mended(hall: Hall, service: Service):
    number, other = resident_id(), resident_id()
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    checker = await add_person(service, "lin.fang", Duty.CHECKER)
    async with hall.seat() as seat, hall.seat() as second:
        await seat.log_in(maker)
        await second.log_in(checker)
        await seat.open("/listings/new")
        await fill_publication(seat, number)
        await seat.press("下一步：核对")
        await seat.press("提交复核")
        await seat.says("已提交复核")
        await second.open("/proposals")
        await look(second, "checker-proposals")
        await second.page.get_by_role("link", name="发布", exact=True).last.click()
        await look(second, "checker-proposal-wide")
        await second.page.locator("#number").fill(other)
        await second.press("复核通过并生效")
        await second.says("两次录入的证件号码不一致")
        assert number not in await second.page.content()
        await look(second, "checker-returned")
        await seat.open("/proposals?by=me&state=returned")
        await seat.page.get_by_role("link", name="发布", exact=True).last.click()
        await seat.page.get_by_role("link", name="修改后重新提交").click()
        assert await seat.page.locator("#number").input_value() == number
        await seat.page.locator("#number").fill(other)
        await seat.press("下一步：核对")
        await seat.press("提交复核")
        await seat.says("已提交复核")


async def test_acts_on_a_listing_and_their_reviews(hall: Hall, service: Service):
    number = resident_id()
    await service.load_rows(row(name="赵六", identifier_number=number, case_number=CASE))
    [listing] = (await service.get("/v1/listings", key="court", case_number=CASE)).json()["items"]
    path = f"/listings/{listing['listing_id']}"
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    checker = await add_person(service, "lin.fang", Duty.CHECKER)
    await service.check(subject("赵六", number))
    async with hall.seat() as seat, hall.seat() as second:
        await seat.log_in(maker)
        await seat.open("/listings")
        await seat.page.get_by_text("按被执行人查询").click()
        await seat.page.get_by_label("姓名/名称").fill("赵六")
        await seat.page.locator("#number").fill(number)
        await seat.press("查询")
        await look(seat, "maker-listings")
        await seat.open(path)
        await look(seat, "maker-listing")
        for act in ("suspension", "performance", "identity-contest", "extension", "withdrawal"):
            await seat.open(f"{path}/{act}")
            await seat.accessible()
            await seat.picture(f"maker-{act}")
        await seat.open(f"{path}/performance")
        await seat.page.get_by_label("义务已全部履行").check()
        await seat.press("确认办理")
        await seat.says("已办理")
        await seat.open("/tasks")
        await look(seat, "maker-tasks")
        await seat.open(f"{path}/correction")
        await seat.page.get_by_label("生效法律文书确定的义务").fill("支付货款 20000 元")
        await seat.page.get_by_label("本次决定日期").fill(day())
        await seat.page.get_by_label("理由").fill("金额笔误")
        await seat.press("下一步：核对")
        await seat.says("其余")
        await look(seat, "maker-correction-check")
        await seat.press("提交复核")
        await second.log_in(checker)
        await second.open("/proposals")
        await second.page.get_by_role("link", name="更正", exact=True).click()
        await look(second, "checker-correction")
        await second.press("复核通过并生效")
        await second.says("复核通过并已生效")
        await seat.open(f"{path}/deletion?ground=early_by_decision")
        await look(seat, "maker-deletion")
        await seat.press("确认办理")
        await seat.says("已办理")
        assert await service.decide(subject("赵六", number)) == "clear"
        await seat.open(path)
        await seat.picture("maker-listing-deleted")
        await second.open("/reviews")
        await look(second, "checker-reviews")
        await second.page.get_by_label("办理无误").check()
        await second.press("提交")
        await second.says("复核结果已记录")
        await seat.open(f"{path}/withdrawal")
        await seat.page.get_by_label("理由").fill("错误纳入")
        await seat.press("确认办理")
        await seat.says("受影响的核查")
        await look(seat, "maker-withdrawn")


async def test_a_file_from_the_upload_to_the_report(hall: Hall, service: Service, tmp_path: Path):
    known = row(name="钱七")
    await service.load_rows(known, *[row(name=f"在列{number}") for number in range(5)])
    fresh = row(name="赵六")
    rows = [fresh, known | {"performance": "部分未履行"}, row(name=""), row(name="孙八", expires_on=None)]
    path = tmp_path / "官渡法院名单.csv"
    path.write_bytes(as_file(*rows)["file"][1])
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    checker = await add_person(service, "lin.fang", Duty.CHECKER)
    async with hall.seat() as seat, hall.seat() as second:
        await seat.log_in(maker)
        await seat.open("/imports")
        await seat.page.get_by_label("增量").check()
        await seat.page.locator("#file").set_input_files(path)
        await look(seat, "imports")
        await seat.press("上传并预览")
        await seat.says("排队中")
        await look(seat, "import-queued")
        await work(service)
        await seat.says("预览（尚未生效）")
        await seat.says("缺少被执行人姓名/名称")
        await look(seat, "import-preview")
        await seat.page.get_by_role("link", name="更正").click()
        await seat.says("部分未履行")
        await seat.picture("import-preview-corrected")
        async with seat.page.expect_download() as download:
            await seat.page.get_by_role("link", name="下载退回行").click()
        assert "缺少被执行人姓名/名称" in Path(await (await download.value).path()).read_text("utf-8-sig")
        await seat.press("提交复核")
        await seat.says("已提交复核")
        await second.log_in(checker)
        await second.open("/proposals")
        await second.page.get_by_role("link", name="批量导入", exact=True).last.click()
        await look(second, "checker-import")
        await second.page.get_by_role("link", name="逐行查看").click()
        await second.says("等待另一名人员确认")
        await second.page.go_back()
        assert await service.decide(subject("赵六", fresh["identifier_number"])) == "clear"
        await second.press("复核通过并导入")
        await second.says("正在导入")
        await work(service)
        assert await service.decide(subject("赵六", fresh["identifier_number"])) == "block"
        await seat.open("/imports")
        await seat.page.get_by_role("main").get_by_role("row").nth(1).get_by_role("link").click()
        await seat.says("已完成")
        await look(seat, "import-report")


async def test_an_upload_that_is_cut_off_says_so(hall: Hall, service: Service, tmp_path: Path):
    path = tmp_path / "list.csv"
    path.write_bytes(as_file(row())["file"][1])
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    async with hall.seat() as seat:
        await seat.log_in(maker)
        await seat.open("/imports")
        await seat.page.locator("#file").set_input_files(path)
        await seat.page.route("**/console/imports", lambda route: route.abort())
        await seat.press("上传并预览")
        await seat.says("上传中断，文件未生效")
        await seat.picture("imports-cut")
        seat.wrongs.clear()  # the browser's own word of the cut
        assert await service.fetch("SELECT FROM imports WHERE parts > 0") == []


async def test_a_notice_its_reply_and_its_release(hall: Hall, service: Service, tmp_path: Path):
    number = resident_id()
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    checker = await add_person(service, "lin.fang", Duty.CHECKER)
    paper = tmp_path / "裁定书.pdf"
    paper.write_bytes(b"%PDF-1.7\n%%EOF\n")
    async with hall.seat() as seat, hall.seat() as second:
        await seat.log_in(maker)
        await seat.open("/court/notices/new")
        await look(seat, "notice-new")
        page = seat.page
        await page.get_by_label("文号", exact=True).fill(f"{CASE}之二")
        await page.get_by_label("案号", exact=True).fill(CASE)
        await page.get_by_label("裁定文号").fill(f"{CASE}之一")
        await page.get_by_label("协助单位").select_option("GD-HR")
        await page.get_by_label("措施").select_option("stop_procedure")
        await page.get_by_label("姓名/名称").fill("孙七")
        await page.locator("#number").fill(number)
        await seat.press("下一步：核对")
        await seat.says("提交复核")
        await look(seat, "notice-check")
        await seat.press("提交复核")
        await seat.says("已提交复核")
        sale = {"matter": "real_estate_transfer"}
        seller = subject("孙七", number, role="transferor")
        assert await service.decide(seller, **sale) == "clear"
        await second.log_in(checker)
        await second.open("/proposals")
        await second.page.get_by_role("link", name="送达协助执行通知书").click()
        await look(second, "checker-notice")
        await second.press("复核通过并生效")
        await second.says("复核通过并已生效")
        assert await service.decide(seller, **sale) == "block"
        [served] = (await service.get("/v1/notices")).json()["items"]
        reply = {"operator": "li.na", "result": "done", "text": "已停止办理。"}
        assert (await service.post(f"/v1/notices/{served['notice_id']}/reply", reply)).status_code == 200
        await seat.open("/court/notices")
        await look(seat, "court-notices")
        await page.get_by_role("link", name=f"{CASE}之二").click()
        await seat.says("已停止办理")
        await page.locator("#file").set_input_files(paper)
        await seat.press("上传")
        await seat.says("裁定书.pdf")
        await look(seat, "court-notice")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="裁定书.pdf").click()
        assert Path(await (await download.value).path()).read_bytes() == paper.read_bytes()
        await page.get_by_role("textbox", name="理由").fill("已履行完毕")
        await seat.press("解除通知书")
        await seat.says("已办理")
        assert await service.decide(seller, **sale) == "clear"
        await second.open("/reviews")
        await second.says("解除协助执行通知书")


async def test_an_objection_and_a_lead(hall: Hall, service: Service):
    number = resident_id()
    await service.load_rows(row(name="赵六", identifier_number=number, case_number=CASE))
    check = await service.check(subject("赵六", number))
    listing = check["subjects"][0]["matches"][0]["listing_id"]
    lead = {"listing_id": listing, "kind": "asset", "text": "窗口发现其名下新登记车辆一辆。"}
    assert (await service.post("/v1/leads", lead)).status_code == 201
    maker = await add_person(service, "chen.jie", Duty.MAKER)
    async with hall.seat() as seat:
        await seat.log_in(maker)
        page = seat.page
        await seat.open("/leads")
        await look(seat, "leads")
        await page.get_by_role("main").get_by_role("row").nth(1).get_by_role("link").click()
        await seat.press("受理")
        await page.get_by_label("办理情况").fill("车辆已查封")
        await seat.press("办结")
        await seat.says("已办结")
        await look(seat, "lead")
        await seat.open(f"/objections/new?listing={listing}")
        await page.get_by_label("记载的信息不准确").check()
        await page.get_by_label("异议内容").fill("金额有误")
        await look(seat, "objection-new")
        await page.get_by_label("收到日期").evaluate("field => field.removeAttribute('max')")
        await page.get_by_label("收到日期").fill(day(1))
        await seat.press("登记")
        await seat.says("不能晚于今天")
        await look(seat, "objection-new-refused")
        await page.get_by_label("收到日期").fill(day())
        await seat.press("登记")
        await seat.says("审查中")
        await seat.open("/tasks")
        await page.get_by_role("link", name="作出决定").click()
        await page.get_by_label("异议成立").check()
        await page.get_by_label("理由").fill("经查属实")
        await look(seat, "objection")
        await seat.press("提交")
        await seat.says("异议成立，请在期限内办理")
        await seat.open("/objections")
        await look(seat, "objections")
        await seat.open("/tasks")
        await seat.says("异议成立，须更正、删除或者撤销")
        await seat.picture("maker-tasks-objection")


async def test_a_second_officer_sees_what_a_catalogue_weakens_and_a_key_once(hall: Hall, service: Service):
    first = await service.add_key("GD-AUDIT", Role.SECURITY)
    [kept] = await service.fetch("SELECT version, catalogue FROM measures_versions ORDER BY version DESC LIMIT 1")
    less = dict(kept["catalogue"]) | {"matters": kept["catalogue"]["matters"][1:]}
    for asked in (
        {"act": "catalogue", "version": kept["version"], "catalogue": less},
        {"act": "key", "member": "GD-HR", "key": {"role": "agency", "days": 30}},
    ):
        assert (await service.post("/v1/proposals", asked, key=first)).status_code == 201
    officer = await add_person(service, "he.ping", Duty.SECURITY)
    async with hall.seat() as seat:
        await seat.log_in(officer)
        await seat.open("/proposals")
        await look(seat, "officer-proposals")
        await seat.page.get_by_role("link", name="措施目录生效").click()
        await seat.says("限制被取消或减弱")
        await look(seat, "officer-catalogue")
        await seat.open("/proposals")
        await seat.page.get_by_role("link", name="签发密钥").click()
        await seat.press("复核通过并生效")
        await seat.says("密钥只显示这一次")
        key = await seat.page.get_by_text("sxd_").inner_text()
        assert (await service.get("/v1/checks", key=key)).status_code == 200
        await seat.accessible()
