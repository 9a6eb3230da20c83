"""ShadowTrial: a model that predicts each label, learns it and serves nobody, held against the one that serves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from models.fleet_model import FleetModel
from models.lesson import Lesson, Loss

LOOKS = (40.0, 80.0, 160.0, 320.0)
"""Labels, as many as they count for, at which a trial is looked at; at the last it ends."""
STANDARD_ERRORS = 3.0
LEAST_GAIN = 0.02
"""Nats a label by which a candidate must be better: less is not worth a change of hands."""
LEAST_FAILURES = 3


class Verdict(StrEnum):
    """What a look at a trial came to."""

    OPEN = "open"
    BETTER = "better"
    NO_BETTER = "no better"


class ShadowTrial:
    """A model in shadow, and the sums of a paired test on what it and the serving model scored on the same labels.

    It is better when, at one of four looks, its score is better by `LEAST_GAIN` a label and by three standard errors
    of the mean difference. A label counts by its share, as it does in learning, so that no car decides alone. For an
    equal candidate the chance to pass any look is below 0.7 % (Student's t with 39 or more degrees, four looks,
    Bonferroni). A hazard's candidate must have met three failures and three labels without one. It is no better when
    it is worse by as much, or at the last look.

    `is_held`: an operator put it there by a rollback; the trial is kept, and only an operator ends it.

    References
    ----------
    A. P. Dawid, *Present position and potential developments: some personal views: statistical theory: the
    prequential approach*, J. R. Statist. Soc. A 147 (1984), 278–292; F. X. Diebold, R. S. Mariano, *Comparing
    predictive accuracy*, J. Bus. Econ. Stat. 13 (1995), 253–263.
    """

    def __init__(self, model: FleetModel, since_ms: int, *, is_held: bool = False) -> None:
        self.model = model
        self.since_ms = since_ms
        self.from_version = model.version
        self.is_held = is_held
        self.labels = 0
        self.positives = 0
        self._looks = 0
        self._weight = self._own = self._serving = 0.0
        # Sums of w·d, w², w²·d, w²·d² with the share w and the difference d: the variance of a weighted mean.
        self._sums = [0.0] * 4

    @property
    def score(self) -> float:
        """Mean score of the model in shadow, nats a label; 0 before the first."""
        return self._own / self._weight if self._weight else 0.0

    @property
    def serving_score(self) -> float:
        """Mean score of the serving model on the same labels."""
        return self._serving / self._weight if self._weight else 0.0

    @property
    def is_past_first_look(self) -> bool:
        """Whether it has been looked at."""
        return self._looks > 0

    @property
    def standard_errors(self) -> float:
        """By how many standard errors of the mean difference the model in shadow is better; 0 while unknown."""
        first, squares, second, third = self._sums
        if not self._weight:
            return 0.0
        mean = first / self._weight
        # Σw²(d − m)² over (Σw)²; rounding may leave a little less than nothing.
        spread = max(third - 2 * mean * second + mean * mean * squares, 0.0) ** 0.5 / self._weight
        return mean / spread if spread > 1e-12 else 0.0

    def learn(self, lesson: Lesson, serving: Loss) -> Verdict:
        """Predict, compare with what the serving model lost, then learn; InvalidInput changes nothing."""
        own, window = lesson.loss(self.model), lesson.window(self.model)
        lesson.teach(self.model, window)
        w, d = lesson.share, serving.score - own.score
        self.labels += 1
        self.positives += lesson.is_positive
        self._weight += w
        self._own += w * own.score
        self._serving += w * serving.score
        self._sums = [a + b for a, b in zip(self._sums, (w * d, w * w, w * w * d, w * w * d * d), strict=True)]
        return Verdict.OPEN if self.is_held else self._look()

    def _look(self) -> Verdict:
        """The verdict, where a look is due."""
        if self._looks == len(LOOKS) or self._weight < LOOKS[self._looks]:
            return Verdict.OPEN
        self._looks += 1
        gain, errors = self.serving_score - self.score, self.standard_errors
        if self._has_met_both() and gain >= LEAST_GAIN and errors >= STANDARD_ERRORS:
            return Verdict.BETTER
        is_over = self._looks == len(LOOKS) or errors <= -STANDARD_ERRORS
        return Verdict.NO_BETTER if is_over else Verdict.OPEN

    def _has_met_both(self) -> bool:
        if self.model.hazard is None:
            return True
        return min(self.positives, self.labels - self.positives) >= LEAST_FAILURES

    def content(self) -> dict[str, Any]:
        """Everything in it, as plain numbers."""
        return {
            "model": self.model.content(),
            "since_ms": self.since_ms,
            "from_version": self.from_version,
            "is_held": self.is_held,
            "labels": self.labels,
            "positives": self.positives,
            "looks": self._looks,
            "scores": [self._weight, self._own, self._serving],
            "sums": self._sums,
        }

    @classmethod
    def of_content(cls, model: FleetModel, content: Mapping[str, Any]) -> ShadowTrial:
        """The trial in `content`, with a fresh `model` to take its model over.

        Raises KeyError, TypeError, ValueError or DamagedSnapshot when it is none.
        """
        model.restore(content["model"])
        trial = cls(model, int(content["since_ms"]), is_held=bool(content["is_held"]))
        trial.from_version = int(content["from_version"])
        trial.labels, trial.positives = int(content["labels"]), int(content["positives"])
        trial._looks = int(content["looks"])
        trial._weight, trial._own, trial._serving = (float(number) for number in content["scores"])
        trial._sums = [float(number) for number in content["sums"]]
        return trial
