"""Effort: the minutes that people spend on a booking, step by step, and what the same takes by telephone.

Nobody's time is taken: each step that a person takes counts as what it usually takes, whatever it really took, and
whoever took it (a dealer's own system too: somebody works it). The figures are estimates (M), listed in
docs/minutes-saved.md; whoever has measured better ones changes this table.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.proposal import Actor, ProposalState

S, A = ProposalState, Actor

# By the state a step leads to and who takes it.
MINUTES: Mapping[tuple[ProposalState, Actor], float] = {
    (S.DRAFT, A.OWNER): 1.5,  # reads what is due and why, chooses dealer and time, ticks what may be shared
    (S.SENT, A.OWNER): 0.3,  # reads what will leave, sends it; or asks for another time
    (S.CONFIRMED, A.OWNER): 0.3,
    (S.WITHDRAWN, A.OWNER): 0.3,
    (S.CANCELLED, A.OWNER): 0.5,
    (S.ACCEPTED, A.DEALER): 0.7,  # reads the evidence, looks at the day
    (S.COUNTERED, A.DEALER): 1.5,  # looks for other times
    (S.DECLINED, A.DEALER): 0.7,
    (S.CONFIRMED, A.DEALER): 1.0,  # moves it
    (S.CANCELLED, A.DEALER): 1.0,
}
# Both sides together, at the telephone: a booking is some six minutes of the owner's (finding the number, waiting,
# telling car and trouble, agreeing on a time) and eight of the advisor's (the same, and car, parts and calendar).
BY_PHONE = 14.0
MOVE_BY_PHONE = 6.0
CANCEL_BY_PHONE = 4.0


def spent(after: ProposalState, actor: Actor) -> float:
    """Minutes that somebody spends on a step to `after`; what the clock or a consent does takes nobody's time."""
    return MINUTES.get((after, actor.principal), 0.0)


def by_phone(before: ProposalState | None, after: ProposalState) -> float:
    """Minutes that the outcome of a step takes both sides by telephone."""
    if after is S.CONFIRMED:
        return MOVE_BY_PHONE if before is S.CONFIRMED else BY_PHONE
    return CANCEL_BY_PHONE if after is S.CANCELLED else 0.0
