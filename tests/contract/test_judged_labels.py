"""The calibration ledger: each label once, found by item and by car, and gone when it must be."""

from adapters.records import Records
from domain.judged_label import Promise
from domain.model_quality import LabelCount
from domain.people import Customer, Ownership
from domain.prediction import DueWindow
from domain.service_record import ServiceRecord
from tests.contract.samples import CAR, DAY, DEALER, NOW, OWNER, proposal, service_record, settle
from tests.support.labels import PADS, battery_label, pads_label


async def test_a_label_comes_back_as_it_was_put_and_stays_so(records: Records) -> None:
    promise = Promise(NOW, DueWindow(NOW + 1, None, None, 0.9), "7-„ä“", {30: 0.1 + 0.2, 7: 1e-9})
    label = pads_label(vehicle_id=CAR.vehicle_id, known_ms=NOW, target=0.1 + 0.2, promise=promise, is_drifting=True)
    async with records.unit_of_work() as work:
        assert await work.judged_labels.add(label)
    async with records.unit_of_work() as work:
        assert not await work.judged_labels.add(pads_label(vehicle_id="another", target=9.9))
        assert await work.judged_labels.of_vehicle(CAR.vehicle_id) == [label]
        assert await work.judged_labels.of_vehicle("another") == []


async def test_the_newest_labels_of_an_item_come_first_and_no_more_than_asked_for(records: Records) -> None:
    labels = [pads_label(label_id=f"label-{n}", known_ms=NOW + (n * 7) % 5) for n in range(5)]
    async with records.unit_of_work() as work:
        for label in (*labels, battery_label()):
            await work.judged_labels.add(label)
        newest = await work.judged_labels.newest(PADS, 3)
        assert [label.known_ms - NOW for label in newest] == [4, 3, 2]
        assert await work.judged_labels.newest("no item", 3) == []


async def test_labels_are_counted_by_item_in_all_and_of_late(records: Records) -> None:
    async with records.unit_of_work() as work:
        assert await work.judged_labels.counts(NOW) == {}
        for days in (-3, -2, 0, 1):
            await work.judged_labels.add(pads_label(label_id=f"pads{days}", known_ms=NOW + days * DAY))
        await work.judged_labels.add(battery_label(known_ms=NOW))
        assert await work.judged_labels.counts(NOW - 2 * DAY) == {
            PADS: LabelCount(4, 2, NOW - 3 * DAY),
            "battery_12v": LabelCount(1, 1, NOW),
        }


async def test_a_cars_labels_are_those_from_a_moment_on_and_of_a_dealers_own_visits(records: Records) -> None:
    await settle(records)
    car = CAR.vehicle_id
    async with records.unit_of_work() as work:
        await work.proposals.add(proposal())
        for number, (visit, days) in enumerate([("proposal-1", -5), ("proposal-1", 0), (None, 1)]):
            found: ServiceRecord = service_record(record_id=f"label-{number}")
            await work.service_records.add(found, visit)
            await work.judged_labels.add(
                pads_label(label_id=found.record_id, vehicle_id=car, known_ms=NOW + days * DAY)
            )

        async def ids(**asked: object) -> list[str]:
            return [label.label_id for label in await work.judged_labels.of_vehicle(car, **asked)]  # type: ignore[arg-type]

        assert await ids() == ["label-2", "label-1", "label-0"]
        assert await ids(limit=1) == ["label-2"]
        assert await ids(from_ms=NOW) == ["label-2", "label-1"]
        assert await ids(dealer_id=DEALER.dealer_id) == ["label-1", "label-0"]
        assert await ids(dealer_id=DEALER.dealer_id, from_ms=NOW) == ["label-1"]
        assert await ids(dealer_id="dealer-2") == []


async def test_a_car_can_be_forgotten_and_so_can_what_is_old(records: Records) -> None:
    async with records.unit_of_work() as work:
        for number in range(4):
            label = pads_label(label_id=f"l{number}", vehicle_id=f"car-{number % 2}", known_ms=NOW + number)
            await work.judged_labels.add(label)
        await work.judged_labels.add(battery_label(label_id="b", vehicle_id="car-0", known_ms=NOW))
        assert await work.judged_labels.forget_before(PADS, NOW + 1) == 1
        assert [label.label_id for label in await work.judged_labels.newest(PADS, 9)] == ["l3", "l2", "l1"]
        assert await work.judged_labels.forget_vehicle("car-0") == 2
        assert await work.judged_labels.forget_vehicle("car-0") == 0
        assert [label.label_id for label in await work.judged_labels.newest(PADS, 9)] == ["l3", "l1"]
        assert await work.judged_labels.newest("battery_12v", 9) == []


async def test_whose_a_car_is_and_since_when(records: Records) -> None:
    await settle(records)
    second = Customer("owner-2", "Bo Other", "bo@example.test", "en", "UTC")
    async with records.unit_of_work() as work:
        assert await work.vehicles.ownership_of("no car") is None
        assert await work.vehicles.ownership_of(CAR.vehicle_id) == Ownership(CAR.vehicle_id, OWNER.customer_id, NOW)
        await work.people.add_customer(second)
        await work.vehicles.own(Ownership(CAR.vehicle_id, second.customer_id, NOW + DAY))
        now = await work.vehicles.ownership_of(CAR.vehicle_id)
        assert now == Ownership(CAR.vehicle_id, second.customer_id, NOW + DAY)
