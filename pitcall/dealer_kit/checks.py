"""The checks of the contract kit, in the order in which they are tried. Each sends made-up deliveries only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.webhook import LARGEST_BODY
from domain.proposal import ProposalState
from pitcall.dealer_kit.answers import not_accepted, not_refused
from pitcall.dealer_kit.made_up import grown_to, of_unknown_type, then, written_again, written_otherwise
from pitcall.dealer_kit.trial import Answer, Trial
from pitcall.dealer_kit.verdict import Finding, failed, passed, unseen
from workflow.proposal_steps import notice_of

Check = Callable[[Trial], Awaitable[Finding]]
HOUR_S = 3600
VERIFY = "verify the signature by a library of Standard Webhooks, and refuse with 401 when it finds none that matches"
RAW = "verify the bytes of the body as they came, before any JSON is read or written"
CLOCK = "refuse a webhook-timestamp that is more than five minutes off: else what was once overheard works for ever"


async def delivery(trial: Trial) -> Finding:
    """An ordinary proposal is accepted in time."""
    good = notice_of(trial.proposal())
    answer = await trial.post(good)
    fix = f"check that the secret is the one Pitcall gave for this URL; {VERIFY}"
    finding = not_accepted(answer, fault="refuses-deliveries", fix=fix)
    if finding is None:
        return passed(f"answered {answer.status} after {answer.milliseconds} ms")
    if finding.fault == "refuses-deliveries":
        for rewritten in written_again(good):
            if (await trial.post(rewritten)).is_accepted:
                return _reserialises(answer)
    return finding


async def unsigned(trial: Trial) -> Finding:
    """A delivery without a signature is refused."""
    answer = await trial.post(notice_of(trial.proposal()), keys=[])
    return not_refused(answer, fault="accepts-unsigned", fix=VERIFY) or _refused(answer)


async def wrong_signature(trial: Trial) -> Finding:
    """A signature by another key is refused, alone and beside a second wrong one."""
    for keys in ([trial.wrong_key], [trial.wrong_key, trial.wrong_key[::-1]]):
        answer = await trial.post(notice_of(trial.proposal()), keys=keys)
        finding = not_refused(answer, fault="accepts-any-signature", fix=VERIFY)
        if finding is not None:
            return finding
    return _refused(answer)


async def changed_body(trial: Trial) -> Finding:
    """A body that was changed after it was signed is refused."""
    good = notice_of(trial.proposal())
    answer = await trial.post(good, body=good.body.replace('"loaner":false', '"loaner":true'))
    return not_refused(answer, fault="accepts-changed-body", fix=VERIFY) or _refused(answer)


async def old_timestamp(trial: Trial) -> Finding:
    """A good signature of an hour ago is refused."""
    answer = await trial.post(notice_of(trial.proposal()), off_s=-HOUR_S)
    return not_refused(answer, fault="ignores-timestamp", fix=CLOCK) or _refused(answer)


async def early_timestamp(trial: Trial) -> Finding:
    """A good signature of an hour ahead is refused."""
    answer = await trial.post(notice_of(trial.proposal()), off_s=HOUR_S)
    return not_refused(answer, fault="ignores-timestamp", fix=CLOCK) or _refused(answer)


async def raw_bytes(trial: Trial) -> Finding:
    """JSON that is written unlike any library writes it is accepted: the bytes count."""
    answer = await trial.post(written_otherwise(notice_of(trial.proposal())))
    finding = not_accepted(answer, fault="verifies-reserialised-body", fix=RAW)
    return finding or passed(f"answered {answer.status}")


async def two_signatures(trial: Trial) -> Finding:
    """During a rotation there are two signatures, and one that matches is enough, whichever place it has."""
    for keys in ([trial.wrong_key, trial.key], [trial.key, trial.wrong_key]):
        answer = await trial.post(notice_of(trial.proposal()), keys=keys)
        fix = "split webhook-signature at spaces and accept when any of its signatures matches"
        finding = not_accepted(answer, fault="refuses-two-signatures", fix=fix)
        if finding is not None:
            return finding
    return passed(f"answered {answer.status} twice")


async def replay(trial: Trial) -> Finding:
    """The same webhook-id again, signed anew as a retry is, is answered 2xx and acted on once."""
    good = notice_of(trial.proposal())
    first, second = await trial.post(good, off_s=-2), await trial.post(good)
    fix = "answer 204 to a webhook-id that is known: Pitcall did not hear your first answer, and asks until it does"
    for answer in (first, second):
        finding = not_accepted(answer, fault="refuses-replay", fix=fix)
        if finding is not None:
            return finding
    saw = f"answered {first.status} and {second.status}"
    if first.has_acted is None or second.has_acted is None:
        return unseen(
            f"{saw}; whether it acted once cannot be seen from outside",
            f"look in your system for {good.delivery_id}: it must be there once "
            "(or answer with the header Pitcall-Acted: yes or no, and this check sees it)",
        )
    if second.has_acted:
        fix = "keep the webhook-id in the same transaction as what you do, and do nothing when it is there already"
        return failed("acts-twice", f"{saw}, and acted both times", fix)
    return _acted_once(first, saw)


async def retry(trial: Trial) -> Finding:
    """An attempt that failed, forged or broken off, does not keep the next one of that webhook-id from working."""
    fix = "remember a webhook-id once its signature was verified and its body is kept, not before"
    for is_forged in (True, False):
        good = notice_of(trial.proposal())
        if not is_forged:
            await trial.break_off(good)
        elif (await trial.post(good, keys=[trial.wrong_key])).is_accepted:
            continue  # no attempt that failed: the fault of `wrong_signature`
        answer = await trial.post(good)
        finding = not_accepted(answer, fault="forgets-retry", fix=fix)
        if finding is not None:
            return finding
        if answer.has_acted is False:
            return failed("forgets-retry", f"answered {answer.status}, but took it for one it knew", fix)
    if answer.has_acted is None:
        look = f"look in your system for {good.delivery_id}: it must be there"
        return unseen(f"answered {answer.status}; whether it acted cannot be seen from outside", look)
    return passed(f"answered {answer.status} to the second attempt, and acted")


async def withdrawal(trial: Trial) -> Finding:
    """A withdrawal is accepted: of a proposal that came, and of one that never did because consent ended first."""
    fix = (
        "take proposal.withdrawn: it carries ids only, and its proposal may never have come; erase what you hold of it"
    )
    sent = trial.proposal()
    await trial.post(notice_of(sent))
    for proposal in (sent, trial.proposal()):
        answer = await trial.post(notice_of(then(proposal, ProposalState.WITHDRAWN)))
        finding = not_accepted(answer, fault="refuses-withdrawal", fix=fix)
        if finding is not None:
            return finding
    look = "look in your system: nothing may be held or planned any longer for the proposal " + sent.proposal_id
    return unseen(f"answered {answer.status}; whether it let go cannot be seen from outside", look)


async def other_events(trial: Trial) -> Finding:
    """What else a dealer is told is accepted: confirmed, cancelled, expired."""
    for state in (ProposalState.CONFIRMED, ProposalState.CANCELLED, ProposalState.EXPIRED):
        told = notice_of(then(trial.proposal(), state))
        answer = await trial.post(told)
        finding = not_accepted(answer, fault="refuses-events", fix=f"take {told.kind} too")
        if finding is not None:
            return finding
    return passed("accepted proposal.confirmed, proposal.cancelled and proposal.expired")


async def unknown_type(trial: Trial) -> Finding:
    """An event of a type that there is not yet is accepted."""
    answer = await trial.post(of_unknown_type(trial.proposal()))
    fix = "answer 204 to types you don't know and leave them: new ones come without a new version"
    finding = not_accepted(answer, fault="refuses-unknown-types", fix=fix)
    return finding or passed(f"answered {answer.status}")


async def large_body(trial: Trial) -> Finding:
    """The largest body that Pitcall sends is accepted."""
    answer = await trial.post(grown_to(notice_of(trial.proposal()), LARGEST_BODY))
    fix = f"let bodies of up to {LARGEST_BODY} bytes through, also at a proxy in front of you"
    return not_accepted(answer, fault="refuses-large-body", fix=fix) or passed(f"answered {answer.status}")


CHECKS: dict[str, Check] = {
    check.__name__.replace("_", "-"): check
    for check in (
        delivery,
        unsigned,
        wrong_signature,
        changed_body,
        old_timestamp,
        early_timestamp,
        raw_bytes,
        two_signatures,
        replay,
        retry,
        withdrawal,
        other_events,
        unknown_type,
        large_body,
    )
}


def _refused(answer: Answer) -> Finding:
    return passed(f"answered {answer.status}")


def _acted_once(first: Answer, saw: str) -> Finding:
    if first.has_acted:
        return passed(f"{saw}, and acted once")
    fix = "act on a webhook-id that is new, or say so: Pitcall-Acted was 'no' both times"
    return failed("never-acts", f"{saw}, and acted on neither", fix)


def _reserialises(answer: Answer) -> Finding:
    saw = f"answered {answer.status}, but accepted the same JSON written as a library writes it"
    return failed("verifies-reserialised-body", saw, RAW)
