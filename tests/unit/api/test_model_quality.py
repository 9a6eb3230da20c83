"""Model quality over HTTP: the operator's figures are those of the ledger, a car's rows those of its parties."""

from statistics import fmean
from typing import Any

import pytest

from domain.service_record import ServiceOutcome, ServiceRecord
from tests.support.http_town import PASSWORD, People, Town
from tests.support.labels import BATTERY, PADS, a_year_of_labels, pads_example, pads_label
from tests.support.moments import DAY, NOW
from tests.unit.api.test_booking import draft
from tests.unit.api.test_pages import sign_in
from workflow.identity import add_operator
from workflow.learning import record_label


async def keep(town: Town, *labels: Any) -> None:
    async with town.office.unit_of_work() as uow:
        for label in labels:
            await uow.judged_labels.add(label)


async def figures(people: People) -> dict[str, dict[str, Any]]:
    answer = await people.operator.get("/v1/operator/models")
    assert answer.status_code == 200, answer.text
    return {item["item"]: item for item in answer.json()["items"]}


async def test_before_the_first_label_every_item_says_that_there_is_none(people: People) -> None:
    found = await figures(people)
    assert set(found) >= {PADS, BATTERY}
    assert "brake_fluid" not in found, "what is due by its date has nothing to judge"
    for item in found.values():
        assert (item["overall"]["labels"], item["overall"]["windows"], item["overall"]["chances"]) == (0, None, None)


async def test_the_figures_are_those_of_the_ledger(town: Town, people: People) -> None:
    labels = a_year_of_labels()
    await keep(town, *labels)
    found = await figures(people)
    for span, since_ms in (("recent", NOW - 90 * DAY), ("overall", 0)):
        pads = [label for label in labels if label.item == PADS and label.known_ms > since_ms]
        said = found[PADS][span]
        assert said["labels"] == said["judged"] == said["windows"]["coverage"]["labels"] == len(pads)
        assert said["windows"]["coverage"]["value"] == pytest.approx(fmean(bool(x.is_inside) for x in pads))
        assert said["windows"]["mean_absolute_error"] == pytest.approx(fmean(x.score or 0 for x in pads))
        batteries = [label for label in labels if label.item == BATTERY and label.known_ms > since_ms]
        said = found[BATTERY][span]["chances"]
        assert (said["labels"], said["failures"]) == (len(batteries), sum(x.target for x in batteries))
        assert said["brier"] == pytest.approx(fmean((x.target - (x.predicted or 0)) ** 2 for x in batteries))
    assert (found[PADS]["model_version"], found[PADS]["is_drifting"]) == ("pads-7", False)


async def measured(town: Town, people: People) -> dict[str, Any]:
    """A proposal of the owner's, and a visit under it whose label has come back."""
    proposal = await draft(town, people)
    await people.owner.post(f"/v1/me/proposals/{proposal['proposal_id']}/send", json={})
    label_id = f"{proposal['proposal_id']}:{PADS}"
    async with town.office.unit_of_work() as uow:
        record = ServiceRecord(label_id, people.vehicle_id, PADS, ServiceOutcome.REPLACED, NOW, 1, 4.0, "mm")
        await uow.service_records.add(record, proposal["proposal_id"])
    await record_label(town.office, pads_example(label_id=label_id, vehicle_id=people.vehicle_id), "8")
    return proposal


async def test_owner_and_dealer_read_the_promise_beside_the_measurement(town: Town, people: People) -> None:
    proposal = await measured(town, people)
    for client, path in (
        (people.owner, f"/v1/me/vehicles/{people.vehicle_id}/ledger"),
        (people.dealer, f"/v1/dealer/proposals/{proposal['proposal_id']}/ledger"),
    ):
        answer = await client.get(path)
        (row,) = answer.json()["rows"]
        assert (row["item"], row["measured"], row["unit"], row["is_failure"]) == (PADS, 4.0, "mm", None)
        assert (row["expected_low"], row["expected_high"]) == (pytest.approx(2.9), pytest.approx(4.5))
        assert row["is_as_expected"] is True
        assert row["found_due_ms"] == NOW + 50 * DAY
        assert row["promise"]["promised_ms"] == NOW
        assert row["is_kept"] is False
        assert "customer" not in answer.text


async def test_the_pages_show_the_ledger_in_words(town: Town, people: People) -> None:
    proposal = await measured(town, people)
    pages = {
        "olla@owner.example": f"/owner/cars/{people.vehicle_id}",
        "pit@dealer.example": f"/dealer/proposals/{proposal['proposal_id']}",
    }
    for email, path in pages.items():
        async with town.client() as browser:
            await sign_in(browser, email)
            text = (await browser.get(path)).text
        assert "Promised and measured" in text
        assert "We expected 2.9 to 4.5" in text
        assert "Due later" in text


async def test_the_operators_page_says_when_there_is_nothing_and_shows_what_there_is(
    town: Town, people: People
) -> None:
    await add_operator(town.office, name="Opera Tor", email="second@operator.example", password=PASSWORD)
    async with town.client() as browser:
        await sign_in(browser, "second@operator.example")
        assert "No label has come in yet." in (await browser.get("/operator/models")).text
        await keep(town, *a_year_of_labels(), pads_label(label_id="x", promise=None))
        text = (await browser.get("/operator/models")).text
    assert "No label has come in yet." not in text
    assert text.count('<svg class="chart"') == 2
    assert "steady" not in text, "the newest label came without a word on drift"
    assert "/operator/models" in text


async def test_a_car_page_without_a_measurement_has_no_ledger(town: Town, people: People) -> None:
    async with town.client() as browser:
        await sign_in(browser, "olla@owner.example")
        assert "Promised and measured" not in (await browser.get(f"/owner/cars/{people.vehicle_id}")).text
    answer = await people.owner.get(f"/v1/me/vehicles/{people.vehicle_id}/ledger")
    assert answer.json() == {"rows": []}
