"""`pitcall evaluate NAME`: the models on shipped data of others, beside floor, peers and goal."""

from __future__ import annotations

import csv
import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.case_folder import CaseFolder
from adapters.catalogue_file import load_catalogue
from adapters.prediction_file import read_predictions
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome
from pitcall.attack_trial import Attack, attack_trial
from pitcall.backtest import PREDICTIONS_NAME, run_backtest
from pitcall.backtest_report import write_report
from pitcall.fleet_evaluation import CARS, FleetFigures, evaluate_fleet
from pitcall.fleet_table import fleet_result, fleet_table
from simulators.liar import STYLES

Floats = npt.NDArray[np.float64]

DAY_MS = 86_400_000
# The published scores cap the truth at 125 cycles, before which nothing shows; the case says so (`say_until`).
CAP_CYCLES = 125.0
FIRST_JUDGED_ENGINE = 21
LATE_ROWS = 500
ATTACKED_CARS, LOST_POINTS = 50, 1.0
FLEET_NAME = "fleet.json"
PEERS = ("logistic", "hoeffding_tree")
SLOW_PEERS = ("adaptive_forest", "mondrian_forest")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: ours, the goal and what others reach, in the words of where it was published or measured."""

    metric: str
    ours: float
    goal: float
    is_lower_better: bool
    floor: str
    peers: str

    @property
    def is_reached(self) -> bool:
        return self.ours <= self.goal if self.is_lower_better else self.ours >= self.goal


@dataclass(frozen=True, slots=True)
class Peer:
    """What an incremental model of River reached here, in the place of ours: micro-F1, labels at once and late."""

    model: str
    at_once: float
    late: float


def evaluate(
    name: str, out: Path, *, all_peers: bool = False, cars: int | None = None, seeds: Sequence[int] = ()
) -> dict[str, Any]:
    """Replay the case and judge it; `name` is one of `pitcall.evaluations`.

    Of the peers that are run here those that take many minutes only with `all_peers`. `cars` and `seeds` are of the
    fleet: 2,000, and three that are drawn, by default.
    """
    folder = out / name
    if name == "fleet":
        return _fleet(folder, with_peers=all_peers, cars=cars, seeds=seeds)
    if name == "attacks":
        return _attacks(cars or ATTACKED_CARS, seeds)
    peers: list[Peer] = []
    if name == "cmapss-fd001":
        figures = _cmapss(folder)
    else:
        figures = _ai4i(folder)
        peers = _peers_on_ai4i(folder, PEERS + SLOW_PEERS if all_peers else PEERS)
    return {
        "name": name,
        "figures": [
            {
                "metric": one.metric, "ours": round(one.ours, 3), "goal": one.goal, "reached": one.is_reached,
                "floor": one.floor, "peers": one.peers,
            }
            for one in figures
        ],
        "peers_run_here": [
            {"model": peer.model, "at_once": round(peer.at_once, 3), "late": round(peer.late, 3)} for peer in peers
        ],
        "report": str(folder / "report.html"),
    }  # fmt: skip


def table(result: Mapping[str, Any]) -> str:
    """The result for people."""
    if result["name"] == "fleet":
        return fleet_table(result)
    lines = [result["name"] + (f", seed {result['seed']}" if "seed" in result else "")]
    for one in result["figures"]:
        verdict = "reached" if one["reached"] else "not reached"
        lines.append(f"  {one['metric']:<46} ours {one['ours']:<8} goal {one['goal']:<8} {verdict}")
        lines.append(f"  {'':<46} floor: {one['floor']}; peers: {one['peers']}")
    if result["peers_run_here"]:
        lines.append("  River's incremental models, run here on the same rows, features and delays:")
    lines += [
        f"    {peer['model']:<44} label at once {peer['at_once']:<8} {LATE_ROWS} rows late {peer['late']}"
        for peer in result["peers_run_here"]
    ]
    return "\n".join([*lines, *([f"  {result['report']}"] if result["report"] else [])])


def _fleet(out: Path, *, with_peers: bool, cars: int | None, seeds: Sequence[int]) -> dict[str, Any]:
    catalogue = _shipped_catalogue()
    figures: list[FleetFigures] = []
    reports: list[str] = []
    result: dict[str, Any] = {}
    for one in evaluate_fleet(catalogue, seeds=seeds, cars=cars or CARS, with_peers=with_peers):
        figures.append(one)
        reports.append(str(write_report(one.judgement, out / f"seed-{one.seed}")[1]))
        result = fleet_result(figures, reports)
        # After each seed, which takes half an hour with peers: who stops it keeps what was found.
        (out / FLEET_NAME).write_text(json.dumps(result, indent=1))
    return result


def _attacks(cars: int, seeds: Sequence[int]) -> dict[str, Any]:
    """What one lying car takes from how well the others are predicted, in points of a hundred."""
    seed = seeds[0] if seeds else secrets.randbelow(1_000_000)
    catalogue = _shipped_catalogue()
    attacks = [Attack(style) for style in STYLES]
    honest, attacked = attack_trial(catalogue, cars, seed, attacks)
    figures = []
    for attack, scores in zip(attacks, attacked, strict=True):
        for what, lost in (("pads", honest.wear - scores.wear), ("batteries", honest.hazard - scores.hazard)):
            lies = f"{scores.labels - honest.labels} lies learnt"
            figures.append(
                {
                    "metric": f"{attack.style}: points lost on others' {what}", "ours": round(lost, 2),
                    "goal": LOST_POINTS, "reached": lost < LOST_POINTS, "floor": lies, "peers": "none",
                }
            )  # fmt: skip
    return {"name": "attacks", "seed": seed, "cars": cars, "figures": figures, "peers_run_here": [], "report": ""}


def _shipped_catalogue() -> Catalogue:
    with resources.as_file(resources.files("pitcall") / "data" / "car.yaml") as path:
        return load_catalogue(path)


def _cmapss(out: Path) -> list[Figure]:
    with resources.as_file(resources.files("pitcall") / "data" / "cases" / "cmapss-fd001") as case:
        run_backtest(case, out)
        truth_of = _true_ends(case)
        with CaseFolder(case) as read:
            said = read_predictions(out / PREDICTIONS_NAME, "engine", (), read.vehicle_ids)
            ids = read.vehicle_ids
    truth = np.array([truth_of[ids[v]] - t / DAY_MS for v, t in zip(said.vehicle, said.time_ms, strict=True)])
    number = np.array([int(ids[v].split("-")[1]) for v in said.vehicle])
    is_train = np.array([ids[v].startswith("train") for v in said.vehicle])
    ours = np.minimum(said.remaining, CAP_CYCLES)
    judged = is_train & (number >= FIRST_JUDGED_ENGINE)
    newest = np.array([at for at in _newest(said.vehicle) if not is_train[at]])
    prequential = _rmse(ours[judged] - np.minimum(truth[judged], CAP_CYCLES))
    test = _rmse(ours[newest] - truth[newest])
    return [
        Figure(
            "test RMSE against the true remaining cycles", test, 13.0, True,
            "River scaler and linear regression 25.35, ARF 25.46",
            "recursive least squares 17.78, LightGBM offline 15.73, published LSTM 16.14, CNN 18.45, deep CNN 12.61",
        ),
        Figure(
            "prequential RMSE over engines 21 to 100, capped", prequential, 11.0, True,
            "34.89", "recursive least squares 17.28",
        ),
    ]  # fmt: skip


def _true_ends(case: Path) -> dict[str, float]:
    """The day on which each engine fails: from the services, or from what is published of those that were cut off."""
    ends: dict[str, float] = {}
    with CaseFolder(case) as read:
        newest: dict[str, int] = {}
        for span in read.spans():
            for vehicle, time_ms in zip(span.vehicle.tolist(), span.time_ms.tolist(), strict=True):
                newest[read.vehicle_ids[vehicle]] = time_ms
            for service in span.services:
                ends[read.vehicle_ids[service.vehicle]] = service.time_ms / DAY_MS
    with (case / "test_rul.csv").open() as file:
        for row in csv.DictReader(file):
            ends[row["vehicle_id"]] = newest[row["vehicle_id"]] / DAY_MS + int(row["remaining"])
    return ends


def _newest(vehicle: npt.NDArray[np.int64]) -> list[int]:
    """Places of the last decision of each vehicle."""
    last = {v: at for at, v in enumerate(vehicle.tolist())}
    return list(last.values())


def _ai4i(out: Path) -> list[Figure]:
    at_once, late = _on_ai4i(out, "")
    return [
        Figure(
            "micro-F1 over five modes, label at once", at_once, 0.75, False,
            "logistic .174, HAT .225", "ARF .35 to .47, AMF .416, OEMLHAT .508",
        ),
        Figure(
            "micro-F1 over five modes, label 500 rows late", late, 0.62, False,
            "logistic .019, HAT 0", "ARF .172",
        ),
    ]  # fmt: skip


def _peers_on_ai4i(out: Path, models: Sequence[str]) -> list[Peer]:
    """Incremental models in the place of ours: the same rows, the same features, the same delays and action level."""
    return [Peer(model, *_on_ai4i(out / "peers" / model, model)) for model in models]


def _on_ai4i(out: Path, model: str) -> tuple[float, float]:
    """Micro-F1 with labels at once, and with labels so many rows late."""
    found = []
    shipped = resources.as_file(resources.files("pitcall") / "data" / "cases" / "ai4i")
    with shipped as case, tempfile.TemporaryDirectory(prefix="pitcall-evaluate-") as room:
        for horizon, folder in (("PT1M", out), (f"PT{LATE_ROWS}M", out / "late")):
            own = Path(room) / horizon
            shutil.copytree(case, own)
            catalogue = own / "catalogue.yaml"
            asked = f"kind: hazard\n    model: {model}" if model else "kind: hazard"
            catalogue.write_text(catalogue.read_text().replace("PT1M", horizon).replace("kind: hazard", asked))
            found.append(_micro_f1(own, folder, horizon))
    return found[0], found[1]


def _micro_f1(case: Path, out: Path, horizon: str) -> float:
    """Over all rows and items at their action levels; replays the case."""
    run_backtest(case, out)
    hits = said_count = true_count = 0
    with CaseFolder(case) as read:
        failed = {
            (service.item, service.vehicle)
            for span in read.spans()
            for service in span.services
            if service.outcome is ServiceOutcome.FAILED
        }
        for item, spec in read.catalogue.items.items():
            said = read_predictions(out / PREDICTIONS_NAME, item, (horizon,), read.vehicle_ids)
            action = spec.risk.action_probability if spec.risk is not None else 1.0
            is_said = said.probability[:, 0] >= action
            is_true = np.array([(item, vehicle) in failed for vehicle in said.vehicle.tolist()])
            hits += int((is_said & is_true).sum())
            said_count += int(is_said.sum())
            true_count += int(is_true.sum())
    return 2 * hits / max(1, said_count + true_count)


def _rmse(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))
