"""RunningScore: the mean prequential score of a model, since it serves and of late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPAN = 50.0
"""Labels over which the recent mean fades to a third."""


class RunningScore:
    """Means of scores (nats a label), each weighted by the share its label counts for; 0 before the first."""

    def __init__(self) -> None:
        self.labels = 0
        self._weight = self._total = 0.0
        self._recent_weight = self._recent_total = 0.0

    @property
    def mean(self) -> float:
        """Over all labels since the model serves."""
        return self._total / self._weight if self._weight else 0.0

    @property
    def recent(self) -> float:
        """Over the newest labels, about `SPAN` of them."""
        return self._recent_total / self._recent_weight if self._recent_weight else 0.0

    def learn(self, score: float, share: float) -> None:
        """Take in the score of one label."""
        self.labels += 1
        self._weight += share
        self._total += share * score
        keep = 1.0 - share / SPAN
        self._recent_weight = keep * self._recent_weight + share
        self._recent_total = keep * self._recent_total + share * score

    def content(self) -> dict[str, Any]:
        """Everything in it, as plain numbers."""
        sums = [self._weight, self._total, self._recent_weight, self._recent_total]
        return {"labels": self.labels, "sums": sums}

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> RunningScore:
        """The score in `content`; KeyError, TypeError or ValueError when it is none."""
        score = cls()
        score.labels = int(content["labels"])
        score._weight, score._total, score._recent_weight, score._recent_total = (
            float(number) for number in content["sums"]
        )
        return score
