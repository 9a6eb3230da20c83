"""What an answer means: for a delivery that is good, and for one that is not."""

from __future__ import annotations

from pitcall.dealer_kit.trial import LARGEST_ANSWER, Answer
from pitcall.dealer_kit.verdict import Finding, failed


def not_accepted(answer: Answer, *, fault: str, fix: str) -> Finding | None:
    """None when a good delivery was accepted; `fault` and `fix` are for an endpoint that called it wrong."""
    if answer.is_accepted:
        return None
    odd = _odd(answer)
    if odd is not None:
        return odd
    if answer.status in (405, 501):
        return failed("no-post", f"answered {answer.status} to a POST", "let the path of the webhook take POST")
    if answer.status in (404, 410):
        return failed("no-such-path", f"answered {answer.status}", "check the path of the URL, and that it is served")
    if answer.status in (408, 429):
        return failed("busy", f"answered {answer.status}", "let deliveries through: Pitcall sends few, and tries again")
    return failed(fault, str(answer), fix)


def not_refused(answer: Answer, *, fault: str, fix: str) -> Finding | None:
    """None when a bad delivery was refused by a status of 400 to 499; `fault` and `fix` are for one that took it."""
    if answer.is_refused:
        return None
    if answer.is_accepted:
        return failed(fault, f"answered {answer.status}, as to a good one", fix)
    return _odd(answer) or failed(fault, str(answer), fix)


def _odd(answer: Answer) -> Finding | None:
    """What is wrong whatever was sent: silence, an answer without end, a redirect, a server error."""
    if answer.is_slow:
        fix = "keep what came in, answer 204 at once, and work on it afterwards"
        return failed("too-slow", str(answer), fix)
    if answer.silence:
        return failed("unreachable", answer.silence, "check that the URL can be reached from where this runs")
    if answer.is_endless:
        saw = f"answered {answer.status} with a body that does not end within the time and {LARGEST_ANSWER} bytes"
        return failed("endless-answer", saw, "answer 204 without a body: nothing of it is read")
    if 300 <= answer.status < 400:
        saw = f"answered {answer.status}, a redirect to {answer.location or 'nowhere'}"
        return failed("redirects", saw, "give Pitcall the final URL: redirects are never followed")
    if answer.status >= 500 and answer.status != 501:
        fix = "see your own log for the error: 5xx means 'try again', and a bad signature is refused with 401"
        return failed("server-error", f"answered {answer.status}", fix)
    return None
