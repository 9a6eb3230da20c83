"""AdaptiveConformal: how wide a window must be to hold the truth as often as stated, learnt from what came true."""

from __future__ import annotations

from statistics import NormalDist

from models.finite import require_finite

SCORES = 256
PRIOR_SCORES = 32
STEP = 0.02
WIDEST = 6.0
HIGHEST_SCORE = 50.0


class AdaptiveConformal:
    """Keeps the latest scores |truth − mean| / sd and a miscoverage α that follows the misses.

    After each label α ← α + γ·(α* − miss), with miss 1 when the truth lay outside; the width is the (1 − α) quantile
    of the scores. Scores of a normal distribution stand in until there are enough, and fade as real ones come.

    Examples
    --------
    >>> windows = AdaptiveConformal(0.9)
    >>> round(windows.width, 2)
    1.64
    >>> for _ in range(100):
    ...     windows.learn(3.0, is_inside=False)
    >>> windows.width > 2.9
    True

    References
    ----------
    I. Gibbs, E. Candès, *Adaptive conformal inference under distribution shift*, NeurIPS 2021.
    """

    def __init__(self, coverage: float = 0.9) -> None:
        self.coverage = coverage
        self.alpha = 1.0 - coverage
        self.scores: list[float] = []
        normal = NormalDist()
        self._prior = [normal.inv_cdf(0.5 + (i + 0.5) / PRIOR_SCORES / 2) for i in range(PRIOR_SCORES)]
        self.width = normal.inv_cdf(0.5 + coverage / 2)

    def learn(self, score: float, *, is_inside: bool) -> None:
        """Take in one label's score and whether the window that was served held it."""
        finite = min(require_finite("score", score), HIGHEST_SCORE)
        self.scores = [*self.scores[-(SCORES - 1) :], finite]
        self.alpha = min(max(self.alpha + STEP * (1.0 - self.coverage - (not is_inside)), -0.5), 0.5)
        self._publish()

    def restore(self, alpha: float, scores: list[float]) -> None:
        """Take over what another one has learnt."""
        self.alpha, self.scores = alpha, list(scores)
        self._publish()

    def _publish(self) -> None:
        if not self.scores:
            self.width = NormalDist().inv_cdf(0.5 + self.coverage / 2)
            return
        stand_ins = self._prior if len(self.scores) < 4 * PRIOR_SCORES else []
        scores = sorted([*stand_ins, *self.scores])
        if self.alpha <= 0:
            self.width = max(scores[-1], 1.0) + 0.5
        else:
            # The ⌈(n + 1)(1 − α)⌉-th smallest score: the finite-sample rule of split conformal prediction.
            rank = -int(-(len(scores) + 1) * (1.0 - self.alpha) // 1)
            self.width = scores[min(rank, len(scores)) - 1]
        self.width = min(self.width, WIDEST)
