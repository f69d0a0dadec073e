"""E-mail to the duty roles of units, over a real mail server with TLS: right words, right people, never silent."""

import asyncio
import datetime as dt
import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.server import free_port
from deploy.local.servers import Servers
from services.notifier.channels import Letter
from services.notifier.channels.email import EmailChannel, Security
from services.notifier.domain.units import is_email
from services.notifier.settings import Settings
from shared.settings import SettingsError
from tests.services.notifier.house import House, eventually, house_on, new_unit, unit_body
from tests.services.notifier.postoffice import (
    HOST,
    Papers,
    PostOffice,
    breaks,
    hangs,
    in_turn,
    papers,
    post_office,
)
from tests.services.notifier.test_delivery import new_path
from tests.services.notifier.test_settings import load

SENDER = "notices@liandong.invalid"
TITLE = "涉嫌犯罪案件移送：立案"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return papers(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
async def office(tls: Papers) -> AsyncIterator[PostOffice]:
    async with post_office(tls) as running:
        yield running


@pytest.fixture(scope="module")
async def mailing(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, office: PostOffice, tls: Papers
) -> AsyncIterator[House]:
    """A notifier that sends e-mail over the office, by STARTTLS as is the default."""
    folder = tmp_path_factory.mktemp("mailing")
    settings = {
        "NOTIFIER_SMTP_HOST": HOST,
        "NOTIFIER_SMTP_PORT": str(office.port),
        "NOTIFIER_SMTP_CA_FILE": tls.ca_file,
        "NOTIFIER_MAIL_FROM": SENDER,
    }
    async with house_on(servers, folder, **settings) as running:
        yield running


def new_address() -> str:
    return f"duty.{uuid.uuid4().hex}@example.invalid"


def by_email(address: str, role: str = "duty_desk") -> dict[str, str]:
    return {"role": role, "channel": "email", "address": address}


async def keep_unit(house: House, *points: dict[str, str], **changes: Any) -> str:
    """A unit of the directory with these contact points."""
    unit = new_unit()
    body = unit_body(contact_points=list(points), **changes)
    answer = await house.keep("PUT", f"/v1/units/{unit}", json=body)
    assert answer.status_code == 201, answer.text
    return unit


async def move(house: House, unit: str, *points: dict[str, str]) -> None:
    """Give the unit other contact points."""
    read = await house.keep("GET", f"/v1/units/{unit}")
    body = unit_body(contact_points=list(points))
    answer = await house.keep(
        "PUT", f"/v1/units/{unit}", json=body, headers={"If-Match": read.headers["etag"]}
    )
    assert answer.status_code == 200, answer.text


async def deliveries(house: House, unit: str) -> list[dict[str, Any]]:
    """What became of the unit's first notice, once nothing of it is on its way."""

    async def final() -> Any:
        found = await house.feed(unit)
        if not found:
            return None
        notice = (await house.call(unit, "GET", f"/v1/notices/{found[0]['id']}")).json()
        return all(each["state"] != "pending" for each in notice["deliveries"]) and [notice["deliveries"]]

    found: list[list[dict[str, Any]]] = await eventually(final, 25)
    return found[0]


async def metrics(house: House) -> str:
    return (await house.client.get(house.suite.services["notifier"].worker_url + "/metrics")).text


async def test_a_notice_reaches_the_duty_role_in_neutral_words_over_tls(mailing: House, office: PostOffice):
    address = new_address()
    unit = await keep_unit(mailing, by_email(address))
    event = await mailing.say(unit)
    (posted,) = await office.wait(address)
    (notice,) = await eventually(lambda: mailing.feed(unit))
    assert posted.over_tls
    mail = posted.mail
    assert {name.lower(): str(value) for name, value in mail.items()} == {
        "from": SENDER,
        "to": address,
        "subject": notice["title"]["zh"],
        "date": mail["Date"],
        "message-id": f"<{notice['id']}@liandong.invalid>",
        "x-notice-id": notice["id"],
        "auto-submitted": "auto-generated",
        "content-type": 'text/plain; charset="utf-8"',
        "content-transfer-encoding": "base64",
        "mime-version": "1.0",
    }
    assert mail["Subject"] == TITLE
    text = mail.get_content().replace("\r\n", "\n")
    assert text == f"{notice['text']['zh']}\n\n{notice['text']['en']}\n"
    assert "请登录系统查看" in text
    assert event.subject not in posted.content.decode()  # the short number only
    (delivery,) = await deliveries(mailing, unit)
    assert (delivery["state"], delivery["channel"], delivery["role"]) == ("delivered", "email", "duty_desk")
    assert delivery["webhook"] is None
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["error"]) == (250, None)
    assert 'outcome="delivered"' in await metrics(mailing)


async def test_each_role_is_told_once_and_by_email_only_where_it_has_it(mailing: House, office: PostOffice):
    duty, clerk, second, head = new_address(), new_address(), new_address(), new_address()
    unit = await keep_unit(
        mailing,
        by_email(duty),
        by_email(clerk, "filing_clerk"),
        by_email(second, "filing_clerk"),
        by_email(head, "head"),
        {"role": "liaison", "channel": "phone", "address": "0379-00000000"},
    )
    path = new_path()
    webhook, _ = await mailing.webhook(unit, path)
    await mailing.say(unit)
    await mailing.receiver.wait(path)
    found = await deliveries(mailing, unit)
    assert sorted((each["channel"], each["webhook"], each["role"]) for each in found if each["role"]) == [
        ("email", None, "duty_desk"),
        ("email", None, "filing_clerk"),
    ]
    assert [each["webhook"] for each in found if each["channel"] == "webhook"] == [webhook]
    assert len(office.at(duty)) == 1
    assert [each.to for each in office.at(clerk)] == [[clerk, second]]
    assert head not in office.asked


async def test_the_address_is_looked_up_at_each_attempt(mailing: House, office: PostOffice):
    old, new = new_address(), new_address()
    office.recipients[old] = "451 not now"
    unit = await keep_unit(mailing, by_email(old))
    await mailing.say(unit)
    await eventually(lambda: _is_asked(office, old))
    await move(mailing, unit, by_email(new))
    (posted,) = await office.wait(new)
    assert posted.to == [new]
    assert (await deliveries(mailing, unit))[0]["state"] == "delivered"
    # Once nobody is there any more, what was on its way ends.
    gone = new_address()
    office.recipients[gone] = "451 not now"
    unit = await keep_unit(mailing, by_email(gone))
    await mailing.say(unit)
    await eventually(lambda: _is_asked(office, gone))
    await move(mailing, unit)
    (delivery,) = await deliveries(mailing, unit)
    assert (delivery["state"], delivery["attempts"][-1]["error"]) == ("cancelled", "contact-point-gone")


async def _is_asked(office: PostOffice, address: str) -> bool:
    return address in office.asked


async def test_a_server_that_is_busy_gets_the_same_message_later(mailing: House, office: PostOffice):
    address = new_address()
    office.messages[address] = in_turn("451 try again", breaks, "250 kept")
    unit = await keep_unit(mailing, by_email(address))
    await mailing.say(unit)
    (delivery,) = await deliveries(mailing, unit)
    assert delivery["state"] == "delivered"
    assert [(each["status"], each["error"]) for each in delivery["attempts"]] == [
        (451, "message-refused"),
        (None, "connection-broken"),
        (250, None),
    ]
    # The function saw three tries; two of them got as far as an answer that may have been lost.
    seen = office.at(address)
    assert len({str(each.mail["Message-ID"]) for each in seen}) == 1
    assert len({each.content for each in seen}) == 1


async def test_an_address_that_is_refused_for_good_is_given_up_at_once_and_loudly(
    mailing: House, office: PostOffice
):
    address = new_address()
    office.recipients[address] = f"550 5.1.1 <{address}> nobody of that name"
    unit = await keep_unit(mailing, by_email(address))
    await mailing.say(unit)
    (delivery,) = await deliveries(mailing, unit)
    assert (delivery["state"], delivery["next_at"]) == ("exhausted", None)
    assert [(each["status"], each["error"]) for each in delivery["attempts"]] == [(550, "recipient-refused")]
    lines = [json.loads(line) for line in mailing.logs().splitlines() if delivery["id"] in line]
    assert [(line["level"], line["endpoint"]) for line in lines] == [("error", f"{unit}:duty_desk")]
    assert 'liandong_delivery_attempts_total{channel="email",outcome="exhausted"}' in await metrics(mailing)
    # Whoever has mended the mailbox can have it sent again.
    del office.recipients[address]
    resent = await mailing.call(unit, "POST", f"/v1/deliveries/{delivery['id']}/resend")
    assert resent.status_code == 202, resent.text
    assert [each.id for each in await office.wait(address)] == [delivery["notice"]]


async def test_a_role_that_is_reached_in_part_is_told_of_loudly(mailing: House, office: PostOffice):
    there, gone = new_address(), new_address()
    office.recipients[gone] = "550 nobody"
    unit = await keep_unit(mailing, by_email(gone), by_email(there))
    await mailing.say(unit)
    (delivery,) = await deliveries(mailing, unit)
    assert delivery["state"] == "delivered"
    assert [(each["status"], each["error"]) for each in delivery["attempts"]] == [(250, "partly-refused")]
    assert [each.to for each in office.at(there)] == [[there]]
    assert any(delivery["id"] in line and '"error"' in line for line in mailing.logs().splitlines())


async def test_mail_that_hangs_slows_no_webhook(mailing: House, office: PostOffice):
    for _ in range(30):
        address = new_address()
        office.recipients[address] = hangs
        await mailing.say(await keep_unit(mailing, by_email(address)))
    asked = len(office.asked)
    await eventually(lambda: _more(office, asked))  # every connection there may be is taken and hangs
    unit, path = new_unit(), new_path()
    await mailing.webhook(unit, path)
    began = time.monotonic()
    for number in range(1, 6):
        await mailing.say(unit)
        await mailing.receiver.wait(path, number)
    assert time.monotonic() - began < 4
    for address in list(office.recipients):
        office.recipients[address] = "550 over"  # what hangs ends with this test


async def _more(office: PostOffice, than: int) -> bool:
    return len(office.asked) > than


async def test_two_workers_send_each_message_once_unless_an_answer_was_lost(
    mailing: House, office: PostOffice
):
    second = await mailing.another_worker()
    try:
        lost = new_address()
        office.messages[lost] = in_turn(breaks, "250 kept")  # taken, but nobody hears of it
        addresses = [new_address() for _ in range(12)]
        units = [await keep_unit(mailing, by_email(each)) for each in [*addresses, lost]]
        for _ in range(3):
            await mailing.say(*units)
        for address in addresses:
            await office.wait(address, 3, seconds=30)
        await office.wait(lost, 4, seconds=30)
        await asyncio.sleep(1)
        for address in addresses:
            assert len({each.id for each in office.at(address)}) == len(office.at(address)) == 3
        twice = office.at(lost)
        assert (len(twice), len({str(each.mail["Message-ID"]) for each in twice})) == (4, 3)
    finally:
        await second.stop()


async def test_nothing_is_sent_to_what_is_no_single_address(mailing: House, office: PostOffice):
    unit = new_unit()
    for address in ("duty@x.invalid\nBcc: other@x.invalid", "a@x.invalid, b@x.invalid", "<a@x.invalid>", "a"):
        body = unit_body(contact_points=[by_email(address)])
        answer = await mailing.keep("PUT", f"/v1/units/{unit}", json=body)
        assert answer.status_code == 422
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [
            ("contact_points", "email-invalid")
        ]
        assert "x.invalid" not in answer.text
    body = unit_body(contact_points=[by_email(new_address(), "duty_desk\nBcc: other@x.invalid")])
    assert (await mailing.keep("PUT", f"/v1/units/{unit}", json=body)).status_code == 422
    # A name is no part of a message, and an address that came into the directory some other way stays there.
    good = new_address()
    unit = await keep_unit(mailing, by_email(good), name="西工\r\nBcc: other@x.invalid")
    await mailing.say(unit)
    (posted,) = await office.wait(good)
    assert b"other@x.invalid" not in posted.content
    assert posted.to == [good]
    planted = {"$set": {"contact_points.0.address": f"{good}\r\nRCPT TO:<other@x.invalid>"}}
    unit = await keep_unit(mailing, by_email(good))
    await mailing.mongo.database["units"].update_one({"_id": unit}, planted)
    await mailing.say(unit)
    (delivery,) = await deliveries(mailing, unit)
    assert delivery["state"] == "exhausted"
    assert {attempt["error"] for attempt in delivery["attempts"]} == {"address-invalid"}
    assert len(office.at(good)) == 1
    assert "other@x.invalid" not in office.asked


async def test_the_address_stands_in_the_directory_and_nowhere_else(mailing: House, office: PostOffice):
    path = new_path()
    canaries = [new_address() for _ in range(4)]
    good, refused, busy, broken = canaries
    office.recipients[refused] = f"550 <{refused}> unknown"
    office.recipients[busy] = f"450 <{busy}> busy"
    office.messages[broken] = breaks
    for address in canaries:
        unit = await keep_unit(mailing, by_email(address))
        await mailing.webhook(unit, path)
        await mailing.say(unit)
        found = await deliveries(mailing, unit)
        log = await mailing.call(unit, "GET", f"/v1/notices/{found[0]['notice']}")
        assert address not in log.text
        assert address not in (await mailing.call(new_unit(), "GET", f"/v1/units/{unit}")).text
    await mailing.receiver.wait(path, 4)
    assert office.at(good)
    names = await mailing.mongo.database.list_collection_names()
    kept = {
        name: str([document async for document in mailing.mongo.database[name].find({})]) for name in names
    }
    where = {name for name, content in kept.items() for address in canaries if address in content}
    assert where == {"units"}
    spans = mailing.spans()
    assert any(span["name"] == "email deliver" for span in spans)
    said = str([event.document() for event in mailing.said])
    hooks = "".join(each.body.decode() for each in mailing.receiver.received)
    for place in (mailing.logs(), json.dumps(spans), await metrics(mailing), said, hooks):
        assert "@example.invalid" not in place
        assert not any(address.split("@")[0] in place for address in canaries)


async def test_without_a_mail_server_there_are_no_deliveries_by_email(house: House):
    unit = await keep_unit(house, by_email(new_address()))
    await house.say(unit)
    assert await deliveries(house, unit) == []


async def test_what_was_on_its_way_when_mail_was_switched_off_ends(house: House):
    """As if it had been planned under other settings."""
    unit = await keep_unit(house, by_email(new_address()))
    path = new_path()
    await house.webhook(unit, path)
    await house.say(unit)
    await house.receiver.wait(path)
    await deliveries(house, unit)
    endpoint = f"{unit}:duty_desk"
    await house.mongo.database["mailboxes"].insert_one({"_id": endpoint})
    planned = {"channel": "email", "endpoint": endpoint, "state": "pending", "at": house.mongo.clock.now()}
    change = {"$set": {f"deliveries.0.{name}": value for name, value in planned.items()}}
    await house.mongo.database["notices"].update_one({"unit": unit}, change)
    (delivery,) = await deliveries(house, unit)
    assert (delivery["state"], delivery["attempts"][-1]["error"]) == ("cancelled", "channel-off")


# The channel alone, against servers that a house could not run beside each other.


def channel(
    port: int,
    ca_file: str | None,
    security: Security = "starttls",
    login: tuple[str | None, str | None] = (None, None),
    host: str = HOST,
) -> EmailChannel:
    return EmailChannel(
        host=host,
        port=port,
        security=security,
        sender=SENDER,
        username=login[0],
        password=login[1],
        ca_file=ca_file,
    )


def letter(*to: str) -> Letter:
    at = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    return Letter("notice-1", to or ("duty@example.invalid",), TITLE, "请登录系统查看\n\nLog in.\n", at)


async def test_over_implicit_tls_it_arrives_as_well(tls: Papers):
    async with post_office(tls, implicit=True, login=("notifier", "secret")) as office:
        sender = channel(office.port, tls.ca_file, "tls", ("notifier", "secret"))
        answer = await sender.send(letter(), 5)
        assert (answer.status, answer.error, answer.accepted) == (250, None, True)
        (posted,) = office.posted
        assert posted.over_tls
        assert posted.mail["Subject"] == TITLE
        assert posted.mail.get_content().splitlines() == ["请登录系统查看", "", "Log in."]


async def test_a_server_is_believed_only_with_a_certificate_for_its_name(tls: Papers, tmp_path: Path):
    other = papers(tmp_path, "mail.example.invalid")
    for implicit, security in ((True, "tls"), (False, "starttls")):
        async with post_office(tls, implicit=implicit) as office:
            strange = channel(office.port, None, security)  # type: ignore[arg-type]
            assert (await strange.send(letter(), 5)).error == "tls-failed"
            assert office.posted == []
        async with post_office(other, implicit=implicit) as office:
            misnamed = channel(office.port, other.ca_file, security)  # type: ignore[arg-type]
            assert (await misnamed.send(letter(), 5)).error == "tls-failed"
            assert office.posted == []


async def test_a_server_that_offers_no_tls_gets_nothing(tls: Papers):
    async with post_office(None) as office:
        answer = await channel(office.port, tls.ca_file).send(letter(), 5)
        assert (answer.status, answer.error, answer.hopeless) == (None, "tls-not-offered", False)
        assert office.asked == []
        assert (await channel(office.port, None, "none").send(letter(), 5)).accepted


async def test_a_wrong_password_is_ours_to_mend(tls: Papers):
    async with post_office(tls, login=("notifier", "secret")) as office:
        answer = await channel(office.port, tls.ca_file, login=("notifier", "wrong")).send(letter(), 5)
        assert (answer.status, answer.error, answer.hopeless) == (535, "login-refused", False)
        right = channel(office.port, tls.ca_file, login=("notifier", "secret"))
        assert (await right.send(letter(), 5)).accepted


async def test_a_server_that_hangs_is_left_after_the_time_for_an_attempt(tls: Papers):
    async with post_office(tls) as office:
        office.messages["duty@example.invalid"] = hangs
        answer = await channel(office.port, tls.ca_file).send(letter(), 1)
        assert answer.error == "timeout"
        assert answer.seconds == pytest.approx(1, abs=0.5)
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        for security in ("starttls", "tls"):
            answer = await channel(port, tls.ca_file, security).send(letter(), 1)
            assert (answer.error, answer.hopeless) == ("timeout", False)
            assert answer.seconds == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize(
    ("host", "error"),
    [(HOST, "connect-failed"), ("no-such-host.invalid", "host-unknown")],
)
async def test_each_way_of_not_arriving_has_its_word(tls: Papers, host: str, error: str):
    answer = await channel(free_port(), tls.ca_file, host=host).send(letter(), 5)
    assert (answer.status, answer.error) == (None, error)


@pytest.mark.parametrize(
    ("replies", "status", "error", "hopeless"),
    [
        (["550 no", "450 later"], 450, "recipient-refused", False),
        (["550 no", "553 no"], 550, "recipient-refused", True),
        (["220 what", "220 what"], None, "recipient-refused", False),  # out of step: no success
    ],
)
async def test_one_address_that_may_be_reached_later_keeps_the_hope(
    tls: Papers, replies: list[str], status: int | None, error: str, hopeless: bool
):
    async with post_office(tls) as office:
        to = [new_address() for _ in replies]
        office.recipients |= dict(zip(to, replies, strict=True))
        answer = await channel(office.port, tls.ca_file).send(letter(*to), 5)
        assert (answer.status, answer.error, answer.hopeless) == (status, error, hopeless)
        assert not answer.accepted


async def test_no_address_is_shown_by_a_letter():
    assert "example" not in repr(letter())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@x",
        "a@x\n",
        "a@x\r\nBcc: b@x",
        "a b@x",
        "a@x,b@x",
        "<a@x>",
        '"a b"@x',
        "a@[127.0.0.1]",
        "a@x>\r\nRCPT TO:<b@x",
        "=?utf-8?q?=0ABcc:b?=@x",
        "a%b@x",
        "张三@x.invalid",
        "a@洛阳.invalid",
        ".a@x",
        "a..b@x",
        "a@-x",
        f"{'a' * 65}@x",
        f"a@{'x' * 64}",
    ],
)
def test_what_is_no_address(address: str):
    assert not is_email(address)


@pytest.mark.parametrize("address", ["a@x", "ly-ga-001@example.invalid", "o'b+c=d_e.f~g@mail.x-y.cn"])
def test_what_is_an_address(address: str):
    assert is_email(address)


def test_mail_is_off_until_a_server_is_named_and_then_needs_a_sender(monkeypatch: pytest.MonkeyPatch):
    settings = load(monkeypatch)
    assert (settings.smtp_host, settings.smtp_security) == (None, "starttls")
    assert settings.mail_roles == ("duty_desk", "filing_clerk", "liaison")
    with pytest.raises(SettingsError, match="NOTIFIER_MAIL_FROM"):
        load(monkeypatch, SMTP_HOST="mail.example.invalid")
    for wrong in ("a\r\nBcc: b@x", "A <a@x>", "a"):
        with pytest.raises(SettingsError, match="NOTIFIER_MAIL_FROM"):
            load(monkeypatch, MAIL_FROM=wrong)
    assert load(monkeypatch, MAIL_FROM=SENDER, MAIL_ROLES="head, liaison").mail_roles == ("head", "liaison")


def test_a_password_is_never_shown_and_never_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SettingsError, match="NOTIFIER_SMTP_PASSWORD"):
        load(monkeypatch, SMTP_USERNAME="notifier")
    login = {"SMTP_USERNAME": "notifier", "SMTP_PASSWORD": "canary"}
    assert "canary" not in repr(load(monkeypatch, **login))
    with pytest.raises(SettingsError, match="NOTIFIER_SMTP_PASSWORD"):
        load(monkeypatch, SMTP_SECURITY="none")


def test_what_is_left_empty_is_not_set(monkeypatch: pytest.MonkeyPatch):
    """A compose file passes every variable on, given or not."""
    empty = dict.fromkeys(
        ("SMTP_HOST", "SMTP_PORT", "SMTP_SECURITY", "SMTP_USERNAME", "SMTP_PASSWORD", "MAIL_FROM"), ""
    )
    settings: Settings = load(monkeypatch, **empty)
    assert (settings.smtp_host, settings.smtp_port, settings.mail_from) == (None, None, None)
