"""Learner: the one writer of each item's fleet model; learns labels once and publishes snapshots."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from domain.catalogue import Catalogue
from domain.errors import Conflict, DamagedSnapshot, NotFound
from domain.model_command import ModelCommand, ModelDeed
from domain.service_record import TrainingExample
from models.car_counts import CarCounts
from models.fleet_model import FleetModel
from models.lesson import HorizonLesson, Lesson, lesson_of
from models.life_cycle import ON_TRIAL, WARMING_UP, LifeCycle
from models.snapshot import pack_snapshot, unpack_snapshot

HASH_BYTES = 8
LABELS = 8_192  # newest labels remembered, so that none teaches twice
CARS = 8_192  # cars whose labels are counted


class _Item:
    """An item's models with what must be remembered to teach them fairly."""

    def __init__(self, life: LifeCycle) -> None:
        self.life = life
        self.source_offset = -1
        self.labels: dict[bytes, None] = {}
        self.cars: dict[bytes, int] = {}
        self.horizons = CarCounts(CARS)


class Learner:
    """Learns training examples. `key` seals the snapshots.

    The influence of one car is bounded: all its labels count as less than two (`_share`), none pulls further than two
    standard deviations of what was expected, readings far from all others count by as much less, and a car moves the
    windows no more often than the others do. Of its horizons, each of which tells of another time, it may teach twice
    as many as the others do on average. `pitcall.attack_trial` measures what is left.
    """

    def __init__(self, catalogue: Catalogue, key: bytes) -> None:
        self._catalogue = catalogue
        self._key = key
        self._items = {item.id: _Item(LifeCycle(item)) for item in catalogue.items.values()}

    def learn(self, example: TrainingExample, at_ms: int | None = None) -> bool:
        """Learn `example`; False when its label was learnt already or its item has no model to teach.

        `at_ms` is when, by default when the label was known; it is only remembered. Raises InvalidInput when a number
        in it is not finite or a feature is missing that the item needs; nothing has changed then.
        """
        own = self._item(example.item)
        label, car = _short(example.label_id), _short(example.vehicle_id)
        if label in own.labels:
            return False
        if example.made_ms is not None and own.life.item.hazard is not None:
            lesson: Lesson | None = HorizonLesson(example, own.life.item.hazard, car)
            if not own.horizons.has_its_say(car):
                return False
        else:
            share = _share(own.cars.get(car, 0) + 1)
            lesson = lesson_of(example, own.life.item, share, calibrates=_may_calibrate(own, car))
        if lesson is None:
            return False
        own.life.learn(lesson, example.known_ms if at_ms is None else at_ms)
        _remember(own.labels, label, None, LABELS)
        if isinstance(lesson, HorizonLesson):
            own.horizons.add(car)
        else:
            _remember(own.cars, car, own.cars.pop(car, 0) + 1, CARS)
        return True

    def check(self, command: ModelCommand) -> ModelCommand:
        """The command with the version it would go to; NotFound or Conflict, naming the item, when it can't be done."""
        life = self._item(command.item).life
        if life.serving.wear is None and life.serving.hazard is None:
            raise Conflict(f"{command.item} has no model that learns labels, so none to promote or roll back")
        if command.deed is ModelDeed.PROMOTE:
            life.check_promotion()
            return command
        return replace(command, version=life.check_rollback(command.version).version)

    def obey(self, command: ModelCommand, at_ms: int) -> bool:
        """Do what `command` says; False when it was done, or refused, before.

        Raises as `check` does, and has changed nothing then.
        """
        own = self._item(command.item)
        if _short(command.command_id) in own.labels:
            return False
        sure = self.check(command)
        if sure.deed is ModelDeed.PROMOTE:
            own.life.promote(at_ms)
        else:
            own.life.roll_back(sure.version, at_ms)
        _remember(own.labels, _short(command.command_id), None, LABELS)
        return True

    def refuse(self, command: ModelCommand, why: str, at_ms: int) -> None:
        """Remember that `command` could not be done, and not to try it again; NotFound for an unknown item."""
        own = self._item(command.item)
        own.life.refuse(why, at_ms)
        _remember(own.labels, _short(command.command_id), None, LABELS)

    def snapshot(self, item: str, source_offset: int) -> bytes:
        """The sealed model of `item` together with the labels learnt, as of `source_offset` of its source."""
        own = self._item(item)
        own.source_offset = max(own.source_offset, source_offset)
        content: dict[str, Any] = {
            "model": own.life.serving.content(),
            "life": own.life.content(),
            "source_offset": own.source_offset,
            "labels": b"".join(own.labels),
            "cars": b"".join(own.cars),
            "counts": list(own.cars.values()),
            "horizons": own.horizons.content(),
        }
        return pack_snapshot(content, self._key)

    def restore(self, item: str, data: bytes) -> bool:
        """Go on from a snapshot of `item`; False, and nothing changed, when it is no newer than what is known here.

        Raises DamagedSnapshot and changes nothing when it is not sound.
        """
        content = unpack_snapshot(data, self._key)
        try:
            version = int(content["model"]["version"])
            labels, cars = _split(content["labels"]), _split(content["cars"])
            counts = [int(count) for count in content["counts"]]
            offset = int(content["source_offset"])
            # Snapshots from before there were horizons have none.
            horizon_cars, horizon_counts = content.get("horizons", (b"", []))
            horizons = CarCounts(CARS)
            horizons.restore(_split(horizon_cars), horizon_counts)
            if len(counts) != len(cars):
                raise ValueError("it is incomplete")
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedSnapshot(f"the snapshot can't be learnt on: {error}") from error
        if version <= self._item(item).life.serving.version:
            return False
        fresh = _Item(LifeCycle.of_content(self._catalogue.items[item], content["model"], content.get("life")))
        fresh.source_offset = offset
        fresh.labels = dict.fromkeys(labels)
        fresh.cars = dict(zip(cars, counts, strict=True))
        fresh.horizons = horizons
        self._items[item] = fresh
        return True

    def source_offset(self, item: str) -> int:
        """Offset of the last example that is inside the model of `item`, −1 before the first."""
        return self._item(item).source_offset

    def model(self, item: str) -> FleetModel:
        """The model being taught; its `name` is that of the next snapshot."""
        return self._item(item).life.serving

    def is_drifting(self, item: str) -> bool | None:
        """Whether drift was found and a candidate is on trial; None while too few labels came to watch."""
        life = self._item(item).life
        return None if life.drift_state == WARMING_UP else life.drift_state == ON_TRIAL

    def life(self, item: str) -> LifeCycle:
        """All models of `item`; NotFound when the catalogue has no such item."""
        return self._item(item).life

    def versions(self) -> dict[str, int]:
        """Number of the newest version per item."""
        return {item: own.life.serving.version for item, own in self._items.items()}

    def version_name(self, item: str) -> str:
        """Name of the newest version of `item`, as predictions will carry it."""
        return self._item(item).life.serving.name

    def digest(self) -> str:
        """SHA-256 over everything learnt; equal to the predictors' once they have the newest snapshots."""
        return hashlib.sha256("".join(own.life.serving.digest for own in self._items.values()).encode()).hexdigest()

    def _item(self, item: str) -> _Item:
        if item not in self._items:
            raise NotFound(f"the catalogue has no item {item}: it has {', '.join(self._items)}")
        return self._items[item]


def _share(label: int) -> float:
    """Weight of a car's n-th label: n of one car count as 2n / (n + 1), and never as two.

    That is the effective size of a sample of one car when half of what varies is the car's own (L. Kish, *Survey
    Sampling*, 1965, ch. 5): the rest would teach the fleet what is only that car, or its lies.
    """
    return 2.0 / (label * (label + 1))


def _may_calibrate(own: _Item, car: bytes) -> bool:
    """Whether a car's next label may move the windows: its first, and more while it has sent fewer than others do."""
    mine = own.cars.get(car, 0)
    others = len(own.cars) - (car in own.cars)
    return mine == 0 or mine * others < sum(own.cars.values()) - mine


def _short(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()[:HASH_BYTES]


def _split(data: bytes) -> list[bytes]:
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def _remember(memory: dict[bytes, Any], key: bytes, value: Any, most: int) -> None:
    """Put `key` last; forget the oldest beyond `most`."""
    memory[key] = value
    while len(memory) > most:
        memory.pop(next(iter(memory)))
