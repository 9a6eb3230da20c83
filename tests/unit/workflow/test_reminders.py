"""Letters: one to a person, by day, not too often, only while they are true; and what became of them is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.consent import Purpose
from domain.need import NeedState
from domain.people import Customer
from domain.reminder_policy import HOUR_MS, ReminderPolicy
from tests.support.moments import DAY, NOW
from tests.support.outlets import KeptReminders
from tests.support.predictions import hazard
from tests.support.town import OIL, PADS, Household, Town
from workflow import enrol, identity, negotiate
from workflow.notices import VISITS, WORDS
from workflow.proposal_steps import TOLD
from workflow.reminders import dispatch_reminders, open_letter

NOON = NOW // DAY * DAY + DAY + 12 * HOUR_MS


@pytest.fixture
async def polite(town: Town) -> AsyncIterator[Town]:
    """A town at noon UTC, in which nobody is written to at night, nor twice within two days."""
    town.later(NOON - town.clock.now_ms())
    town.office = replace(town.office, reminder_policy=ReminderPolicy(21, 8, 48 * HOUR_MS))
    yield town


async def second_car(town: Town, home: Household) -> Household:
    car, credential = await town.car()
    code, _ = await enrol.show_claim_code(town.office, car.vehicle_id)
    claimed = await enrol.claim_vehicle(
        town.office, customer_id=home.id, code=code, label="", consents=[Purpose.REMINDERS]
    )
    return Household(home.owner, claimed, credential)


async def events(town: Town, home: Household) -> list[str]:
    async with town.records.unit_of_work() as uow:
        return [event.kind for _, event in await uow.timeline.after(0, customer_id=home.id)]


async def test_what_waits_for_one_person_goes_in_one_letter(town: Town, home: Household) -> None:
    other, mail = await second_car(town, home), KeptReminders()
    pads = await town.need(home, PADS)
    oil = await town.need(other, OIL)
    assert await dispatch_reminders(town.office, mail) == 1
    ((to, letter, _),) = mail.kept
    assert to.customer_id == home.id and letter.need_ids == (pads.need_id, oil.need_id)
    assert "Front brake pads" in letter.text and "Engine oil" in letter.text
    assert letter.subject == "Front brake pads · Engine oil"
    for one, item in ((home, PADS), (other, OIL)):
        assert (await town.live_need(one, item)).state is NeedState.REMINDED
    assert (await events(town, home)).count("owner-reminded") == 2


async def test_a_letter_waits_for_the_morning(polite: Town, home: Household) -> None:
    mail = KeptReminders()
    polite.later(10 * HOUR_MS)  # 22:00
    await polite.need(home)
    assert await dispatch_reminders(polite.office, mail) == 0
    assert await dispatch_reminders(polite.office, mail) == 0
    polite.later(10 * HOUR_MS - 1)
    assert await dispatch_reminders(polite.office, mail) == 0
    polite.later(1)
    assert await dispatch_reminders(polite.office, mail) == 1


async def test_the_next_letter_waits_two_days_unless_it_is_urgent(polite: Town, home: Household) -> None:
    mail = KeptReminders()
    await polite.need(home, PADS)
    assert await dispatch_reminders(polite.office, mail) == 1
    polite.later(HOUR_MS)
    await polite.need(home, OIL)
    assert await dispatch_reminders(polite.office, mail) == 0
    assert (await polite.live_need(home, OIL)).state is NeedState.OPEN
    now = polite.clock.now_ms()
    await polite.predict(hazard(0.9, item="tyre_leak", event_ms=now, vehicle_id=home.car_id, id="leak"))
    assert await dispatch_reminders(polite.office, mail) == 1
    assert "Tyre" in mail.kept[-1][1].text and "Engine oil" not in mail.kept[-1][1].text


async def test_what_is_not_urgent_goes_when_the_two_days_are_over(polite: Town, home: Household) -> None:
    mail = KeptReminders()
    await polite.need(home, PADS)
    await dispatch_reminders(polite.office, mail)
    polite.later(HOUR_MS)
    await polite.need(home, OIL)
    polite.later(46 * HOUR_MS)
    assert await dispatch_reminders(polite.office, mail) == 0
    polite.later(HOUR_MS)
    assert await dispatch_reminders(polite.office, mail) == 1


async def test_an_address_that_is_refused_is_not_tried_again_and_the_owner_sees_it(town: Town, home: Household) -> None:
    need = await town.need(home)
    assert await dispatch_reminders(town.office, KeptReminders(refuses=True)) == 0
    town.later(30 * DAY)
    mail = KeptReminders()
    assert await dispatch_reminders(town.office, mail) == 0 and mail.kept == []
    assert "reminder-failed" in await events(town, home)
    assert (await town.live_need(home, need.item)).state is NeedState.OPEN


async def test_that_a_letter_was_opened_is_noted_once(town: Town, home: Household) -> None:
    await town.need(home)
    mail = KeptReminders()
    await dispatch_reminders(town.office, mail)
    token = mail.kept[0][1].token
    for is_first in (True, False):
        opened = await open_letter(town.office, token)
        assert opened is not None and (opened.vehicle_id, opened.is_first) == (home.car_id, is_first)
    assert await open_letter(town.office, "no letter's") is None
    assert (await events(town, home)).count("reminder-opened") == 1


async def test_a_letter_that_is_tried_again_keeps_its_link(town: Town, home: Household) -> None:
    await town.need(home)
    seen: list[str] = []

    class Forgetful(KeptReminders):
        async def send(self, customer: Customer, letter: object, now_ms: int) -> None:
            seen.append(letter.token)  # type: ignore[attr-defined]
            await super().send(customer, letter, now_ms)  # type: ignore[arg-type]

    mail = Forgetful(is_away=True)
    await dispatch_reminders(town.office, mail)
    town.later(DAY)
    mail.is_away = False
    assert await dispatch_reminders(town.office, mail) == 1
    assert len(seen) == 2 and len(set(seen)) == 1


@pytest.mark.parametrize(
    ("locale", "hello"), [("en", "Hello"), ("de-AT", "Guten Tag"), ("fr", "Bonjour"), ("zh", "您好")]
)
async def test_a_letter_is_in_the_language_of_the_account_and_says_why_it_came(
    town: Town, locale: str, hello: str
) -> None:
    owner = await identity.register_customer(
        town.office, name="Ö. Wner", email="own@example.test", password="a-long-password-3", locale=locale
    )
    car, credential = await town.car()
    code, _ = await enrol.show_claim_code(town.office, car.vehicle_id)
    await enrol.claim_vehicle(
        town.office, customer_id=owner.customer_id, code=code, label="", consents=[Purpose.REMINDERS]
    )
    home = Household(owner, car, credential)
    await town.need(home)
    mail = KeptReminders()
    await dispatch_reminders(town.office, mail)
    letter = mail.kept[0][1]
    text = letter.with_links("https://pitcall.example")
    assert hello in text and home.owner.name in text
    assert f"https://pitcall.example/r/{letter.token}" in text and "https://pitcall.example/owner/consents" in text


async def test_owners_hear_by_letter_of_what_dealers_answer_but_not_at_night(polite: Town, home: Household) -> None:
    garage, mail = await polite.garage(), KeptReminders()
    sent = await polite.sent(home, garage, start_ms=NOON + 6 * DAY - 4 * HOUR_MS)
    await dispatch_reminders(polite.office, mail)
    mail.kept.clear()
    polite.later(10 * HOUR_MS)  # 22:00, and the last letter is not two days old
    await negotiate.accept(polite.office, proposal_id=sent.proposal_id, **garage.party)
    assert await dispatch_reminders(polite.office, mail) == 0
    polite.later(11 * HOUR_MS)
    assert await dispatch_reminders(polite.office, mail) == 1
    letter = mail.kept[0][1]
    assert garage.dealer.name in letter.text and "accepts" in letter.text
    assert f"https://x.example/owner/proposals/{sent.proposal_id}" in letter.with_links("https://x.example")
    await negotiate.confirm(polite.office, customer_id=home.id, proposal_id=sent.proposal_id)
    await negotiate.cancel_by_dealer(
        polite.office, proposal_id=sent.proposal_id, reason="the CANARY lift is broken", **garage.party
    )
    assert await dispatch_reminders(polite.office, mail) == 1
    assert "has cancelled your appointment" in mail.kept[-1][1].text and "CANARY" not in mail.kept[-1][1].text


@pytest.mark.parametrize("language", ["en", "de", "fr", "zh"])
def test_every_notice_is_there_in_every_language(language: str) -> None:
    assert WORDS[language].keys() == WORDS["en"].keys()
    assert VISITS[language].keys() == VISITS["en"].keys() == TOLD
    assert all("{dealer}" in text for _, text in VISITS[language].values())


async def test_what_came_since_a_try_goes_in_a_letter_of_its_own(town: Town, home: Household) -> None:
    """The first may have arrived, and only the record of it been lost: its outlet would take both for that one."""
    away, mail = KeptReminders(is_away=True), KeptReminders()
    await town.need(home, PADS)
    assert await dispatch_reminders(town.office, away) == 0
    await town.need(home, OIL)
    town.later(DAY)
    assert await dispatch_reminders(town.office, mail) == 2
    first, second = (letter for _, letter, _ in mail.kept)
    assert (len(first.reminder_ids), len(second.reminder_ids)) == (1, 1)
    assert first.letter_id != second.letter_id and first.token != second.token
