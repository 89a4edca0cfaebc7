"""The list digested anew: names stored by an earlier version are found, and loading the same file again changes nothing."""

from datetime import date
from typing import Any

import pytest

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import connect
from blacklist_service.database.installation import NotReadyError, are_digests_of_now, verify_installation
from blacklist_service.listings.operations.acts import publish_listing
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.operations.digesting import digest_some
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.rules import Content
from blacklist_service.subjects.digests import DIGEST_RULES, Digester
from blacklist_service.subjects.identifiers import Identifier, IdentifierQuality, IdentifierType, SubjectKind
from blacklist_service.worker import digest_anew
from tests.conftest import SECRECY
from tests.support import COURT_CODE, COURT_NAME, Service, day, question, resident_id, row, subject

PERSON, VALID = SubjectKind.PERSON, IdentifierQuality.VALID
DIGESTER = Digester(SECRECY.digest_key)
IN_WORDS, MASKED, RADICALS = "530111199205273109", "5301111957****1705", "⾼⽂⾏"
OF_RADICALS = "530111195707041705"


async def test_what_an_earlier_version_filed_away_is_found_again(service: Service):
    await as_rules_1(service)
    assert await service.decide(subject("甲一一", IN_WORDS)) == "clear"
    before = await service.fetch(
        "SELECT listing_id, version, natural_key, content_digest, secret FROM listing_versions"
    )

    await digest(service)
    assert await service.decide(subject("甲一一", IN_WORDS)) == "block"
    assert await service.decide(subject("高文行", OF_RADICALS)) == "flag"
    assert await service.decide(subject("李四", resident_id(83))) == "clear"
    after = await service.fetch("SELECT listing_id, version, natural_key, content_digest, secret FROM listing_versions")
    assert before == after, "versions are never changed"
    [head] = await service.fetch("SELECT version FROM heads WHERE name = 'list'")
    assert head["version"] == 3, "it is no change of the list"


async def test_the_same_file_again_changes_nothing(service: Service):
    await as_rules_1(service)
    await digest(service)
    report = await service.load_rows(*same_file())
    assert (report.counts.created, report.counts.corrected, report.counts.unchanged) == (0, 0, 3)
    assert len(await service.fetch("SELECT FROM listings")) == 3


async def test_a_row_that_ends_it_finds_it_by_what_it_is_called_now(service: Service):
    await as_rules_1(service)
    await digest(service)
    ended = [one | {"action": "withdraw", "decided_on": day()} for one in same_file()]
    report = await service.load_rows(*ended)
    assert report.counts.ended == 3
    for name, number in (("甲一一", IN_WORDS), ("高文行", OF_RADICALS)):
        assert await service.decide(subject(name, number)) == "clear"


async def test_a_step_that_is_cut_off_is_done_again(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("blacklist_service.listings.operations.digesting.AT_ONCE", 1)
    await as_rules_1(service)
    async with service.workplace.connected() as connection:
        for _ in range(8):
            step = connection.transaction()
            await step.start()
            await digest_some(connection, SECRECY)
            await step.rollback()
            async with connection.transaction():
                await digest_some(connection, SECRECY)
    once = await state(service)
    await digest(service)
    assert await state(service) == once
    assert await service.decide(subject("甲一一", IN_WORDS)) == "block"


async def test_what_an_older_version_still_writes_is_met_after_the_sweep(service: Service):
    await as_rules_1(service)
    await digest(service)
    await publish(service, "乙一一", Identifier(IdentifierType.OTHER, "身份证530111198903062910", VALID), 4)
    await forget_keys_of_now(service)
    assert await service.decide(subject("乙一一", "530111198903062910")) == "clear"
    await digest(service)
    assert await service.decide(subject("乙一一", "530111198903062910")) == "block"


async def test_the_number_rises_after_an_hour_without_anything_lacking(service: Service):
    await as_rules_1(service)
    await digest(service)
    async with service.workplace.connected() as connection:
        await verify_installation(connection, SECRECY)
        assert not await are_digests_of_now(connection)
        await connection.execute("UPDATE digestings SET quiet_since = quiet_since - interval '61 minutes'")
        await digest(service)
        assert await are_digests_of_now(connection)
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("UPDATE installation SET digest_rules = $1", DIGEST_RULES + 1)
    with pytest.raises(NotReadyError, match="follow later rules"):
        await verify_installation(owner, SECRECY)
    await owner.close()


async def test_a_live_notice_is_found_by_the_keys_of_now(service: Service):
    notice = {
        "number": "n1",
        "case_number": "c",
        "ruling_number": "r",
        "agency": "GD-HR",
        "action": "stop_procedure",
        "subject": {"kind": "person", "name": "⻢⼩⻰", "identifier": {"type": "resident_id", "number": OF_RADICALS}},
        "valid_until": day(30),
    }
    assert (await service.post("/v1/notices", notice, key="court")).status_code == 201
    await as_rules_1(service)
    before = {bytes(one["digest"]) for one in await service.fetch("SELECT digest FROM notice_keys")}
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("DELETE FROM notice_keys WHERE digest = $1", DIGESTER.of("name", "person", "马小龙"))
    await owner.close()
    await digest(service)
    await service.fetch("UPDATE digestings SET quiet_since = quiet_since - interval '61 minutes' RETURNING 1")
    await digest(service)
    assert {bytes(one["digest"]) for one in await service.fetch("SELECT digest FROM notice_keys")} == before


async def test_checks_ask_by_both_rules_until_it_is_done(service: Service):
    """A name that the rules before compared in another form is found by the key that the list still has."""
    await as_rules_1(service)
    await service.app.state.batcher.rehearse()
    answer = await service.check(subject(RADICALS, OF_RADICALS))
    assert answer["decision"] == "flag"
    response = await service.post("/v1/checks", question(subject(RADICALS)))
    assert response.json()["decision"] == "flag"


# --- a list as the version before kept it


async def as_rules_1(service: Service) -> None:
    """A number with a word before it was a document of its own; radicals were other characters."""
    await publish(service, "甲一一", Identifier(IdentifierType.OTHER, f"身份证{IN_WORDS}", VALID), 1)
    await publish(service, RADICALS, Identifier(IdentifierType.RESIDENT_ID, MASKED, IdentifierQuality.MASKED), 2)
    await publish(service, "李四", Identifier(IdentifierType.RESIDENT_ID, resident_id(82), VALID), 3)
    await forget_keys_of_now(service)


async def publish(service: Service, name: str, identifier: Identifier, number: int) -> None:
    said = {**file_row(name, "", number)}
    content = Content(
        court_code=COURT_CODE,
        court_name=COURT_NAME,
        case_number=said["case_number"],
        kind=PERSON,
        name=name,
        identifier=identifier,
        circumstances=("C4",),
        circumstances_text=said["circumstances"],
        decision_number=said["decision_number"],
        decided_on=date.fromisoformat(said["decided_on"]),
        published_on=date.fromisoformat(said["published_on"]),
        expires_on=date.fromisoformat(said["expires_on"]),
        performance="none",
    )
    court = Court(COURT_CODE, Actor("GD-COURT"), SECRECY, Tools(DIGESTER, SECRECY.cipher("listing")))
    async with service.workplace.connected() as connection, connection.transaction():
        await publish_listing(connection, content, court=court, warnings=())


async def forget_keys_of_now(service: Service) -> None:
    """What only the rules of now index is taken away again."""
    added = [DIGESTER.of("name_only", "person", name) for name in ("甲一一", "乙一一", "高文行")]
    added += [DIGESTER.of("name", "person", "高文行"), DIGESTER.of("masked", "person", MASKED, "高文行")]
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("DELETE FROM subject_keys WHERE digest = ANY($1)", added)
    await owner.execute("UPDATE installation SET digest_rules = 1")
    await owner.execute(
        "UPDATE listings SET loose_key = $1 WHERE debtor_name = $2",
        DIGESTER.of("loose", COURT_CODE, file_row(RADICALS, "", 2)["case_number"], "1", RADICALS),
        RADICALS,
    )
    await owner.close()


def same_file() -> list[dict[str, str]]:
    return [
        file_row("甲一一", f"身份证{IN_WORDS}", 1),
        file_row(RADICALS, MASKED, 2),
        file_row("李四", resident_id(82), 3),
    ]


def file_row(name: str, number: str, case: int) -> dict[str, str]:
    return row(
        name=name,
        identifier_type=None,
        identifier_number=number or None,
        case_number=f"(2025)云0111执{case + 800}号",
        decision_number=f"决{case}",
    )


async def digest(service: Service) -> None:
    async with service.workplace.connected() as connection:
        while await digest_anew(connection, SECRECY):
            pass


async def state(service: Service) -> Any:
    keys = await service.fetch("SELECT digest, listing_id FROM subject_keys ORDER BY 1, 2")
    aliases = await service.fetch("SELECT natural_key, content_digest FROM listing_aliases ORDER BY 1, 2")
    return [tuple(one) for one in keys], [tuple(one) for one in aliases]
