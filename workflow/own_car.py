"""OwnCar: the logs of one car through the fold, the features and the models of the live stream.

What a car would have sent is folded as if it had; nothing is reckoned here that the stream does not reckon. The
findings say beside each prediction what it rests on (`workflow.log_findings`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from domain.car_log import CarLog, Driving, GivenCar, LogFile
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome, ServiceRecord
from models.block_trends import LONGEST_STRETCH_S
from models.causes import Causes
from models.fold import VehicleFold
from models.predictor import Predictor
from models.trouble_codes import stored_codes
from models.upload_block import CodeReport, SampleTable, UploadBlock
from models.vehicle_state import UNKNOWN, StateLayout, States
from workflow.log_findings import Findings, Logged

Floats = npt.NDArray[np.float64]

VEHICLE = "own-car"
_KEY = b"a log's models are the shipped ones, and stay here"


@dataclass(frozen=True, slots=True)
class DriveUpload:
    """What a car would have sent: upload `place` of drive `number`.

    `start_ms` is the time of the first sample (ms, UTC), `offsets_ms` uint32 (n,), strictly rising from 0, `columns`
    float64 (n,) by signal in the catalogue's units, NaN for gaps; `codes` are trouble codes that appeared.
    """

    number: int
    place: int
    start_ms: int
    offsets_ms: npt.NDArray[np.uint32]
    columns: Mapping[str, Floats]
    codes: tuple[str, ...] = ()

    @property
    def end_ms(self) -> int:
        return self.start_ms + int(self.offsets_ms[-1])


class DriveSource(Protocol):
    """Where drives come from: one car's, in the order of time, no moment twice."""

    @property
    def signals(self) -> Sequence[str]:
        """The signals that any of the logs has."""

    @property
    def has_codes(self) -> bool:
        """Whether any log tells of trouble codes."""

    @property
    def files(self) -> tuple[LogFile, ...]:
        """What became of each file."""

    def called(self, signal: str) -> str:
        """What a person who records logs calls a signal."""

    def uploads(self) -> Iterator[DriveUpload]:
        """All of them."""


class _Drove:
    """Adds up what uploads tell of the driving itself."""

    def __init__(self, speed: str | None) -> None:
        self._speed = speed
        self.uploads = self.samples = self.gaps = 0
        self.start_ms, self.end_ms = UNKNOWN, UNKNOWN
        self.drives: set[int] = set()
        self.refused: Counter[str] = Counter()
        self.driven_s = self.gap_s = self.gap_m = 0.0
        self.is_gap_known = True

    def add(self, upload: DriveUpload) -> None:
        seconds = np.diff(upload.offsets_ms.astype(np.float64)) / 1000
        gaps = np.flatnonzero(seconds > LONGEST_STRETCH_S)
        speed = upload.columns.get(self._speed or "", np.full(len(upload.offsets_ms), np.nan))
        metres = (speed[gaps] + speed[gaps + 1]) * seconds[gaps] / 7.2
        self.is_gap_known = self.is_gap_known and not np.isnan(metres).any()
        self.gap_m += float(np.nansum(metres))
        self.gaps += len(gaps)
        self.gap_s += float(seconds[gaps].sum())
        self.driven_s += float(seconds.sum()) - float(seconds[gaps].sum())
        self.uploads += 1
        self.samples += len(upload.offsets_ms) - (upload.place > 0)
        self.drives.add(upload.number)
        self.start_ms = upload.start_ms if self.start_ms == UNKNOWN else self.start_ms
        self.end_ms = max(self.end_ms, upload.end_ms)

    def told(self, observed_m: float) -> Driving:
        return Driving(
            drives=len(self.drives),
            uploads=self.uploads,
            samples=self.samples,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            minutes=self.driven_s / 60,
            km=observed_m / 1000,
            gaps=self.gaps,
            gap_minutes=self.gap_s / 60,
            gap_km=self.gap_m / 1000 if self.is_gap_known else None,
            refused=tuple(self.refused.items()),
        )


def read_own_car(catalogue: Catalogue, car: GivenCar, source: DriveSource) -> CarLog:
    """All that can be said of the car by its logs and by what its owner told."""
    layout = StateLayout(catalogue)
    fold, predictor = VehicleFold(catalogue, layout), Predictor(catalogue, _KEY)
    states = layout.block(catalogue, [None], [car.attributes.built_ms])
    drove = _fold_all(fold, states, predictor, catalogue, car, source)
    state = states[0]
    row = predictor.predict_many(states, Causes.newest(states))[0]
    findings = Findings(catalogue, car, Logged(frozenset(source.signals), source.called), state, row, predictor.rows)
    return CarLog(
        files=source.files,
        driving=drove.told(float(state["observed_m"])),
        car=car,
        odometer_m=int(state["odometer_m"]),
        remarks=findings.remarks(),
        exposures=findings.exposures(),
        trends=findings.trends(),
        has_codes=source.has_codes,
        codes=stored_codes(state),
        items=findings.items(VEHICLE),
    )


def _fold_all(
    fold: VehicleFold,
    states: States,
    predictor: Predictor,
    catalogue: Catalogue,
    car: GivenCar,
    source: DriveSource,
) -> _Drove:
    """Uploads and services in the order in which they happened, into `states`, shape (1,)."""
    drove = _Drove(catalogue.roles.get("speed"))
    services = sorted(car.services, key=lambda service: service.performed_ms)

    def serve(until_ms: int | None) -> None:
        while services and (until_ms is None or services[0].performed_ms <= until_ms):
            service = services.pop(0)
            record = ServiceRecord(
                f"{service.item}/{service.performed_ms}", VEHICLE, service.item, ServiceOutcome.REPLACED,
                service.performed_ms, max(0, service.odometer_m), source="owner", teaches=False,
            )  # fmt: skip
            fold.apply_service(states[0], record, predictor)

    for upload, is_last in _with_last(source.uploads()):
        serve(upload.start_ms)
        drove.add(upload)
        columns = _with_odometer(upload, catalogue, car, source) if is_last else upload.columns
        drove.refused.update(_fold_one(fold, states, car, upload, columns))
    serve(None)
    return drove


def _fold_one(
    fold: VehicleFold, states: States, car: GivenCar, upload: DriveUpload, columns: Mapping[str, Floats]
) -> list[str]:
    """Fold an upload into `states`; why it could not be used, if so."""
    table = SampleTable(
        np.zeros(1, dtype=np.int64),
        upload.offsets_ms[None, :],
        {path: column[None, :] for path, column in columns.items()},
    )
    block = UploadBlock(
        vehicle_ids=[VEHICLE],
        boot_ids=np.array([f"drive-{upload.number}".encode()], dtype="S36"),
        seqs=np.array([upload.place], dtype=np.int64),
        start_ms=np.array([upload.start_ms], dtype=np.int64),
        received_ms=np.array([upload.end_ms], dtype=np.int64),
        attributes=[car.attributes],
        tables=[table],
        codes=[CodeReport(0, upload.codes, ())] if upload.codes else (),
    )
    rounds = fold.fold_block(states, [0], block)
    return [one.reason or str(one.result) for each in rounds for one in each.outcomes if not one.is_folded]


def _with_odometer(
    upload: DriveUpload, catalogue: Catalogue, car: GivenCar, source: DriveSource
) -> Mapping[str, Floats]:
    """The newest upload with the reading that the owner told at its end, unless the logs have their own."""
    odometer = catalogue.roles.get("odometer")
    if car.odometer_m is None or odometer is None or odometer in source.signals:
        return upload.columns
    reading = np.full(len(upload.offsets_ms), np.nan)
    reading[-1] = car.odometer_m
    return {**upload.columns, odometer: reading}


def _with_last(uploads: Iterator[DriveUpload]) -> Iterator[tuple[DriveUpload, bool]]:
    held: DriveUpload | None = None
    for upload in uploads:
        if held is not None:
            yield held, False
        held = upload
    if held is not None:
        yield held, True
