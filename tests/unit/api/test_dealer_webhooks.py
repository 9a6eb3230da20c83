"""A dealer's webhook over the API: set, signed by two secrets for a day, tested, listed and sent again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.http_town import People, Town, new_dealer, signed_in
from tests.support.moments import DAY
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.unit.api.test_booking import draft
from workflow.outbox_housekeeping import forget_old_rows

URL = "https://pit-lane.example/pitcall"


async def set_up(client: httpx.AsyncClient, url: str = URL) -> dict[str, Any]:
    answer = await client.put("/v1/dealer/webhook", json={"url": url})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sent(town: Town, people: People) -> str:
    """A proposal that was sent to the dealer; the id of its delivery."""
    await set_up(people.dealer)
    proposal = await draft(town, people)
    answer = await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    return f"{proposal['proposal_id']}:{answer.json()['version']}"


async def give_up(town: Town, hooks: KeptWebhooks) -> None:
    hooks.is_away = True
    await dispatch_deliveries(town.office, hooks)
    town.wall.set(town.wall.now_ms() + 4 * DAY + 1)
    await forget_old_rows(town.office)
    hooks.is_away = False


async def test_a_secret_is_told_once_and_replaced_under_a_day_of_both(town: Town, people: People) -> None:
    first = await set_up(people.dealer)
    assert first["webhook_secret"].startswith("whsec_")
    assert (await set_up(people.dealer, URL + "/2"))["webhook_secret"] is None
    rotated = (await people.dealer.post("/v1/dealer/webhook/rotate", json={})).json()
    assert rotated["webhook_secret"] not in ("", first["webhook_secret"])
    assert rotated["old_secret_until_ms"] == town.wall.now_ms() + DAY
    read = (await people.dealer.get("/v1/dealer/webhook")).json()
    assert read == {"url": URL + "/2", "old_secret_until_ms": rotated["old_secret_until_ms"]}
    hooks = KeptWebhooks()
    assert (await people.dealer.post("/v1/dealer/webhook/test", json={})).status_code == 202
    await dispatch_deliveries(town.office, hooks)
    ((dealer, delivery, now),) = hooks.kept
    assert delivery.kind == "webhook.test"
    assert dealer.secrets_at(now) == (rotated["webhook_secret"], first["webhook_secret"])
    assert dealer.secrets_at(now + DAY) == (rotated["webhook_secret"],)


@pytest.mark.parametrize("url", ["ftp://a.example/", "https://", "no url", "https://a.example:99999/", "https://a b/"])
async def test_an_address_that_is_none_is_refused(people: People, url: str) -> None:
    answer = await people.dealer.put("/v1/dealer/webhook", json={"url": url})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url")


async def test_without_a_webhook_there_is_nothing_to_test(people: People) -> None:
    assert (await people.dealer.post("/v1/dealer/webhook/test", json={})).status_code == 409


async def test_a_delivery_is_listed_with_its_attempts_and_without_its_content(town: Town, people: People) -> None:
    delivery_id = await sent(town, people)
    hooks = KeptWebhooks(is_away=True)
    await dispatch_deliveries(town.office, hooks)
    (waiting,) = (await people.dealer.get("/v1/dealer/deliveries?state=waiting")).json()["deliveries"]
    assert [attempt["error"] for attempt in waiting["attempts"]] == ["the dealer's server is away"]
    town.wall.set(waiting["due_ms"])
    hooks.is_away = False
    await dispatch_deliveries(town.office, hooks)
    one = (await people.dealer.get(f"/v1/dealer/deliveries/{delivery_id}")).json()
    assert (one["state"], one["type"], len(one["attempts"])) == ("delivered", "proposal.sent", 2)
    assert "payload" not in one
    assert (await people.dealer.get("/v1/dealer/deliveries?state=waiting")).json()["deliveries"] == []


async def test_cursors_lead_through_all_of_them_once(town: Town, people: People) -> None:
    await set_up(people.dealer)
    made = [(await people.dealer.post("/v1/dealer/webhook/test", json={})).json()["delivery_id"] for _ in range(5)]
    found, cursor = [], ""
    while True:
        page = (await people.dealer.get(f"/v1/dealer/deliveries?limit=2&cursor={cursor}")).json()
        found += [delivery["delivery_id"] for delivery in page["deliveries"]]
        if (cursor := page["next"]) is None:
            break
    assert found == made[::-1]
    wrong = await people.dealer.get("/v1/dealer/deliveries?cursor=abc")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "cursor")


async def test_a_replay_repeats_the_id_while_the_consent_stands_and_not_after(town: Town, people: People) -> None:
    delivery_id = await sent(town, people)
    hooks = KeptWebhooks()
    await dispatch_deliveries(town.office, hooks)
    path = f"/v1/dealer/deliveries/{delivery_id}"
    assert (await people.dealer.post(f"{path}/replay", json={})).json()["state"] == "waiting"
    await dispatch_deliveries(town.office, hooks)
    assert [delivery.delivery_id for _, delivery, _ in hooks.kept] == [delivery_id] * 2
    for grant in (await people.owner.get("/v1/me/consents")).json()["consents"]:
        if grant["purpose"] == "booking":
            await people.owner.post(f"/v1/me/consents/{grant['grant_id']}/withdraw", json={})
    assert (await people.dealer.post(f"{path}/replay", json={})).status_code == 409


async def test_operators_see_what_was_given_up_and_send_it_again(town: Town, people: People) -> None:
    await set_up(people.dealer)
    hooks = KeptWebhooks()
    for _ in range(3):
        await people.dealer.post("/v1/dealer/webhook/test", json={})
    await give_up(town, hooks)
    operator = await signed_in(town, "operator@town.example")  # sessions do not last as long
    letters = (await operator.get("/v1/operator/dead-letters")).json()["deliveries"]
    assert [letter["state"] for letter in letters] == ["given_up"] * 3
    assert {letter["dealer_id"] for letter in letters} == {people.dealer_id}
    one = await operator.post(f"/v1/operator/dead-letters/{letters[0]['delivery_id']}/replay", json={})
    assert (one.status_code, one.json()["state"]) == (202, "waiting")
    all_ = await operator.post(f"/v1/operator/dealers/{people.dealer_id}/dead-letters/replay", json={})
    assert all_.json() == {"replayed": 2}
    assert await dispatch_deliveries(town.office, hooks) == 3
    assert (await operator.get("/v1/operator/dead-letters")).json()["deliveries"] == []
    gone = await operator.get("/v1/operator/dead-letters?dealer_id=nobody")
    assert gone.json() == {"deliveries": [], "next": None}
    await operator.aclose()


async def test_another_dealers_deliveries_are_not_there(town: Town, people: People) -> None:
    delivery_id = await sent(town, people)
    _, advisor = await new_dealer(town, people.operator, "Grid Garage")
    async with await signed_in(town, advisor) as other:
        assert (await other.get("/v1/dealer/deliveries")).json()["deliveries"] == []
        assert (await other.get(f"/v1/dealer/deliveries/{delivery_id}")).status_code == 404
        assert (await other.post(f"/v1/dealer/deliveries/{delivery_id}/replay", json={})).status_code == 404
