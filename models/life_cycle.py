"""LifeCycle: the models of one item over time: which one serves, which learns in shadow, and how hands change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from domain.catalogue import ItemSpec
from domain.errors import Conflict, DamagedSnapshot, InvalidInput, NotFound
from models.error_drift import LEAST_LABELS, ErrorDrift
from models.fleet_model import FleetModel
from models.kept_versions import KeptVersion, KeptVersions
from models.lesson import HorizonLesson, Lesson, Loss
from models.risk_lessons import RiskLessons
from models.risk_patterns import SEASON
from models.running_score import RunningScore
from models.shadow_trial import LOOKS, ShadowTrial, Verdict

CANDIDATE_MEMORY = 10.0
"""What a candidate still knows of the labels before it, in labels: enough to begin with, little to unlearn."""
EVENTS = 16
PROMOTED, ROLLED_BACK = "promoted", "rolled back"

WARMING_UP, STEADY, ON_TRIAL = "warming up", "steady", "on trial"  # whether drift is seen, and what is done


class Takeover(NamedTuple):
    """The last change of hands: how, the version that took over, the one whose content it had, and when."""

    how: str
    version: int
    from_version: int
    at_ms: int


class Event(NamedTuple):
    """Something that happened to an item's models, at the version that served then."""

    at_ms: int
    version: int
    what: str


class LifeCycle:
    """All models of one item.

    Each label is predicted before it is learnt, by the model that serves and by the one in shadow. When the errors of
    the one that serves have risen (`ErrorDrift`), a candidate starts: a copy that has forgotten all but
    `CANDIDATE_MEMORY` labels. It is promoted or retires as `ShadowTrial` says. Every takeover, a rollback too, is a
    new and higher version, because predictors go by that. What served until a rollback learns on in shadow, so that
    no label is lost, until it is promoted by an operator or drift is found anew.

    The same labels and commands in the same order give the same numbers. Times are of whoever calls.
    """

    def __init__(self, item: ItemSpec) -> None:
        self.item = item
        self.serving = FleetModel(item)
        self.shadow: ShadowTrial | None = None
        self.takeover: Takeover | None = None
        self.drift = ErrorDrift(item.kind)
        self.score = RunningScore()
        self.drifts = 0
        self.since_ms = 0
        self.kept = KeptVersions()
        self.events: list[Event] = []
        self.lessons: RiskLessons | None = None
        if item.hazard is not None:
            self.lessons = RiskLessons(len(item.hazard.features) + SEASON)
        self._keep_serving()

    @property
    def drift_state(self) -> str:
        """`warming up`, `steady`, or `on trial` while a candidate that drift called for learns in shadow."""
        if self.shadow is not None and not self.shadow.is_held:
            return ON_TRIAL
        return STEADY if self.drift.labels >= LEAST_LABELS else WARMING_UP

    def learn(self, lesson: Lesson, at_ms: int) -> None:
        """Learn one label; InvalidInput changes nothing."""
        loss = lesson.loss(self.serving)
        self._hold_patterns(lesson)
        lesson.teach(self.serving, lesson.served_window)
        self._keep_serving()  # as it was sealed before this label
        self._learn_patterns(lesson, at_ms)
        self.serving.version += 1
        self.serving.seal()
        self.since_ms = at_ms
        self.score.learn(loss.score, lesson.share)
        is_drift = self.drift.learn(loss.error, lesson.share)
        verdict = self._learn_in_shadow(lesson, loss)
        if verdict is Verdict.BETTER and self.shadow is not None:
            self._promote(self.shadow, PROMOTED, at_ms)
        elif is_drift:
            self._on_drift(at_ms)
        elif verdict is Verdict.NO_BETTER:
            self._retire(at_ms, "the candidate was no better and retired")

    def promote(self, at_ms: int) -> None:
        """Let the model in shadow serve; Conflict when there is none."""
        self.check_promotion()
        if self.shadow is not None:
            self._promote(self.shadow, f"{PROMOTED} by an operator", at_ms)

    def check_promotion(self) -> None:
        """Conflict when nothing learns in shadow."""
        if self.shadow is None:
            raise Conflict(
                f"{self.item.id} has no model in shadow that could be promoted: one starts when drift is found, or by "
                f"`pitcall model rollback {self.item.id}`"
            )

    def roll_back(self, version: int | None, at_ms: int) -> None:
        """Let a former version serve, by default the one that `check_rollback` names; raises as that does."""
        target = self.check_rollback(version)
        model = self._revived(target)
        # One that is held from an earlier rollback has learnt every label; what served since is kept as a version.
        is_held = self.shadow is not None and self.shadow.is_held
        former = self.shadow.model if self.shadow is not None and is_held else self.serving
        self._take_over(model, ROLLED_BACK, target.version, at_ms)
        self.shadow = ShadowTrial(former, at_ms, is_held=True)
        self._tell(at_ms, f"{ROLLED_BACK} to {target.name}; version {former.version} learns on in shadow")

    def check_rollback(self, version: int | None) -> KeptVersion:
        """The version that a rollback would go to.

        By default what served before the last promotion, or before the version that was last rolled back to; with
        neither, the newest that is kept. NotFound when the version is not kept, Conflict when there is nothing to go
        back to or the version cannot serve.
        """
        number = self.serving.version
        if not number:
            raise Conflict(f"{self.item.id} has nothing to roll back to: its model has learnt nothing yet")
        if version == number:
            raise Conflict(f"version {version} of {self.item.id} serves already; kept are {self._kept_text()}")
        if version is None:
            found = self.kept.before(self._base())
            if found is None:
                raise Conflict(
                    f"{self.item.id} has nothing further back to roll back to: name one of {self._kept_text()}"
                )
        else:
            found = self.kept.find(version)
            if found is None:
                raise NotFound(f"{self.item.id} has no version {version} any more: name one of {self._kept_text()}")
        self._revived(found)
        return found

    def refuse(self, why: str, at_ms: int) -> None:
        """Remember that a command could not be done."""
        self._tell(at_ms, f"refused: {why}")

    def content(self) -> dict[str, Any]:
        """Everything but the model that serves, as plain numbers, texts and bytes."""
        return {
            "shadow": None if self.shadow is None else self.shadow.content(),
            "takeover": self.takeover,
            "drift": self.drift.content(),
            "drifts": self.drifts,
            "score": self.score.content(),
            "since_ms": self.since_ms,
            "kept": self.kept.content(),
            "events": self.events,
            "lessons": None if self.lessons is None else self.lessons.content(),
        }

    @classmethod
    def of_content(cls, item: ItemSpec, model: Mapping[str, Any], content: Mapping[str, Any] | None) -> LifeCycle:
        """Go on from `model`, the content of the one that serves, and `content`; None where a snapshot had none yet.

        Raises DamagedSnapshot when either is not sound.
        """
        life = cls(item)
        life.serving.restore(model)
        if content is None:
            return life
        try:
            if content["shadow"] is not None:
                life.shadow = ShadowTrial.of_content(FleetModel(item), content["shadow"])
            if content["takeover"] is not None:
                how, version, from_version, at_ms = content["takeover"]
                life.takeover = Takeover(str(how), int(version), int(from_version), int(at_ms))
            life.drift.restore(content["drift"])
            life.drifts, life.since_ms = int(content["drifts"]), int(content["since_ms"])
            life.score = RunningScore.of_content(content["score"])
            life.kept = KeptVersions.of_content(content["kept"])
            if life.lessons is not None and content.get("lessons") is not None:
                life.lessons = RiskLessons.of_content(content["lessons"], life.lessons.columns)
            life.events = [Event(int(at_ms), int(version), str(what)) for at_ms, version, what in content["events"]]
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedSnapshot(f"the snapshot of {item.id} holds no usable life cycle: {error!r}") from error
        return life

    def _hold_patterns(self, lesson: Lesson) -> None:
        """Hold the plain sum and the trees to what became of a horizon, before either learns it."""
        if self.lessons is not None and isinstance(lesson, HorizonLesson):
            logistic, trees = lesson.log_odds(self._of_patterns)
            self.lessons.score(lesson.is_positive, lesson.counts_for, logistic, trees)

    def _learn_patterns(self, lesson: Lesson, at_ms: int) -> None:
        """Keep what became of a horizon, grow trees when there is enough that is new, and decide whether they serve."""
        if self.lessons is None or not isinstance(lesson, HorizonLesson):
            return
        model, is_better = self._of_patterns, self.lessons.trees_are_better
        self.lessons.add(lesson.row, lesson.is_positive, lesson.counts_for, lesson.car, lesson.label_id)
        if self.lessons.is_time_to_grow:
            model.patterns = self.lessons.grow()
        if model.patterns is not None and model.patterns_serve != is_better:
            model.patterns_serve = is_better
            self._tell(at_ms, "patterns of readings serve from now on" if is_better else "the plain sum serves again")
        if self.shadow is not None and not self.shadow.is_held:
            self.shadow.model.patterns, self.shadow.model.patterns_serve = model.patterns, model.patterns_serve

    @property
    def _of_patterns(self) -> FleetModel:
        """Whose trees are grown: after a rollback those of the model that learns on, for what serves was asked for."""
        return self.shadow.model if self.shadow is not None and self.shadow.is_held else self.serving

    def _learn_in_shadow(self, lesson: Lesson, loss: Loss) -> Verdict:
        if self.shadow is None:
            return Verdict.OPEN
        try:
            return self.shadow.learn(lesson, loss)
        except InvalidInput:  # it overflowed where the one that serves did not
            return Verdict.NO_BETTER

    def _on_drift(self, at_ms: int) -> None:
        """Start a candidate, in place of one whose trial was looked at before; a younger one goes on."""
        self.drifts += 1
        is_young = self.shadow is not None and not self.shadow.is_held and not self.shadow.is_past_first_look
        if is_young:
            self._tell(at_ms, "drift was found again; the candidate is on trial already")
            return
        candidate = self.serving.copy()
        candidate.forget(CANDIDATE_MEMORY)
        self.shadow = ShadowTrial(candidate, at_ms)
        self._tell(at_ms, f"drift was found; a candidate starts, to be looked at after {LOOKS[0]:.0f} labels")

    def _retire(self, at_ms: int, what: str) -> None:
        self.shadow = None
        self._tell(at_ms, what)

    def _promote(self, trial: ShadowTrial, how: str, at_ms: int) -> None:
        better = trial.serving_score - trial.score
        self._take_over(trial.model, PROMOTED, trial.from_version, at_ms)
        self.shadow = None
        self._tell(at_ms, f"{how}: better by {better:.3f} nats a label over {trial.labels} labels")

    def _take_over(self, model: FleetModel, how: str, from_version: int, at_ms: int) -> None:
        self._keep_serving()
        self.kept.pinned = self.serving.version
        model.version = self.serving.version + 1
        model.seal()
        self.serving = model
        self.since_ms = at_ms
        self.takeover = Takeover(how, model.version, from_version, at_ms)
        self.drift, self.score = ErrorDrift(self.item.kind), RunningScore()

    def _keep_serving(self) -> None:
        one = self.serving
        self.kept.keep(KeptVersion(one.version, one.packed_labels, self.since_ms, one.packed))

    def _base(self) -> int:
        """Versions older than this are further back than what serves."""
        if self.takeover is None:
            return self.serving.version
        return self.takeover.version if self.takeover.how == PROMOTED else self.takeover.from_version

    def _revived(self, kept: KeptVersion) -> FleetModel:
        model = FleetModel(self.item)
        try:
            model.restore(msgspec.msgpack.decode(kept.packed, type=dict))
        except (DamagedSnapshot, msgspec.MsgspecError) as error:
            raise Conflict(f"version {kept.version} of {self.item.id} does not fit the catalogue: {error}") from error
        return model

    def _kept_text(self) -> str:
        return ", ".join(str(kept.version) for kept in self.kept.versions)

    def _tell(self, at_ms: int, what: str) -> None:
        self.events = [*self.events[-(EVENTS - 1) :], Event(at_ms, self.serving.version, what)]
