"""FleetModel: what the fleet has taught about one item; the part of a model that travels in snapshots."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from domain.catalogue import ItemSpec
from domain.errors import DamagedSnapshot
from models.adaptive_conformal import AdaptiveConformal
from models.bayesian_logistic import INTERCEPT, BayesianLogisticRegression, probability
from models.recursive_least_squares import RecursiveLeastSquares
from models.risk_patterns import SEASON, RiskPatterns, pattern_row


class FleetModel:
    """Estimator and window calibration of one item, with a version that grows with every label and every takeover.

    Version 0 is the catalogue's prior. `name` is the version and the first digits of the digest of everything learnt,
    so that equal names mean equal predictions. `labels` is how many it has learnt, `memory` what they weigh still: as
    much as so many that nothing was forgotten of. `patterns` of a hazard are trees that its readings have taught, and
    serve in place of the logistic model while `patterns_serve`.
    """

    def __init__(self, item: ItemSpec) -> None:
        self.item = item
        self.version = 0
        self.labels = 0
        self.memory = 0.0
        self.wear: RecursiveLeastSquares | None = None
        self.hazard: BayesianLogisticRegression | None = None
        self.patterns: RiskPatterns | None = None
        self.patterns_serve = False
        self.windows = AdaptiveConformal()
        if item.wear is not None:
            self.wear = RecursiveLeastSquares({name: (p.mean, p.sd) for name, p in item.wear.rates.items()})
        if item.hazard is not None:
            priors = {INTERCEPT: item.hazard.intercept} | {f.name: f.prior for f in item.hazard.features}
            self.hazard = BayesianLogisticRegression({name: (p.mean, p.sd) for name, p in priors.items()})
        self.seal()

    def seal(self) -> None:
        """Renew digest and name after learning.

        `packed` is the content in bytes, `packed_labels` how many labels are in it.
        """
        self.packed, self.packed_labels = msgspec.msgpack.encode(self.content()), self.labels
        self.digest = hashlib.sha256(self.packed).hexdigest()
        self.name = f"{self.version}-{self.digest[:8]}"

    def content(self) -> dict[str, Any]:
        """Everything learnt, as plain numbers that come back bit for bit."""
        content: dict[str, Any] = {"item": self.item.id, "kind": self.item.kind.value, "version": self.version}
        content |= {"labels": self.labels, "memory": self.memory}
        if self.wear is not None:
            content["names"] = list(self.wear.names)
            content["information"] = self.wear.information.ravel().tolist()
            content["moment"] = self.wear.moment.tolist()
        if self.hazard is not None:
            content["names"] = list(self.hazard.names)
            content["mean"] = self.hazard.mean.tolist()
            content["covariance"] = self.hazard.covariance.ravel().tolist()
            content["patterns"] = None if self.patterns is None else self.patterns.content()
            content["patterns_serve"] = self.patterns_serve
        if self.item.calendar is not None:
            content["interval_days"] = self.item.calendar.interval_days
        content["alpha"] = self.windows.alpha
        content["scores"] = self.windows.scores
        return content

    def restore(self, content: Mapping[str, Any]) -> None:
        """Take over `content`; DamagedSnapshot when it belongs to another item, other features or holds nonsense."""
        estimator = self.wear or self.hazard
        names = list(estimator.names) if estimator else None
        if content.get("item") != self.item.id or content.get("names") != names:
            raise DamagedSnapshot(f"the snapshot is not one of {self.item.id} with this catalogue")
        try:
            k = len(names or ())
            if self.wear is not None:
                information, moment = _finite(content["information"], k * k), _finite(content["moment"], k)
                self.wear.restore(information, moment)
            if self.hazard is not None:
                mean, covariance = _finite(content["mean"], k), _finite(content["covariance"], k * k)
                self.hazard.restore(mean, covariance)
                # Snapshots from before there were patterns have none.
                patterns = content.get("patterns")
                self.patterns = None if patterns is None else RiskPatterns.of_content(patterns, k - 1 + SEASON)
                self.patterns_serve = self.patterns is not None and bool(content["patterns_serve"])
            self.windows.restore(float(content["alpha"]), [float(score) for score in content["scores"]])
            self.version = int(content["version"])
            # Snapshots from before there were takeovers counted labels by their version.
            self.labels = int(content.get("labels", self.version))
            self.memory = float(content.get("memory", self.labels))
        except (KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
            raise DamagedSnapshot(f"the snapshot of {self.item.id} holds no usable model: {error!r}") from error
        self.seal()

    def copy(self) -> FleetModel:
        """Another one that has learnt the same."""
        fresh = FleetModel(self.item)
        fresh.restore(self.content())
        return fresh

    def forget(self, memory: float) -> None:
        """Let what was learnt weigh no more than `memory` labels; the catalogue's prior weighs what it always has."""
        if self.memory > memory:
            for estimator in (self.wear, self.hazard):
                if estimator is not None:
                    estimator.forget(memory / self.memory)
            self.memory = memory
        self.seal()

    def hazard_probability(self, features: Mapping[str, float], at_ms: int) -> float:
        """How likely the item is to fail within the horizon that is decided on, by features known at `at_ms`."""
        if self.hazard is None or self.item.hazard is None:
            raise ValueError(f"{self.item.id} is no hazard")
        if self.patterns is not None and self.patterns_serve:
            return probability(self.patterns.log_odds(pattern_row(self.item.hazard, features, at_ms)))
        return float(self.hazard.predict_proba_one(self.hazard_row(features))[True])

    def hazard_row(self, features: Mapping[str, float]) -> dict[str, float]:
        """Features of a hazard in units of their scale, signed towards risk; those not known are left out."""
        spec = self.item.hazard
        if spec is None:
            return {}
        return {f.name: (features[f.name] - f.centre) / f.scale for f in spec.features if f.name in features}


def _finite(values: Any, length: int) -> Any:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (length,) or not np.isfinite(array).all():
        raise ValueError("numbers are missing or not finite")
    return array
