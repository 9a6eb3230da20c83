"""Sentences name fields and numbers; the kinds of reason are few."""

import pytest

from domain.errors import PitcallError
from workflow.reject_reasons import OTHER, REASONS, kind_of_reason
from workflow.signal_names import SignalNames
from workflow.upload_codec import MAX_UPLOAD_BYTES, decode_upload

GOOD = (
    b'{"schema": 1, "boot_id": "a", "seq": 1, "start_ms": 1760000000000, "offsets_ms": [0, 1000],'
    b' "signals": {"Vehicle.Speed": [1, 2]}}'
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", "unreadable"),
        (b"{}", "unreadable"),
        (b" " * (MAX_UPLOAD_BYTES + 1), "too_large"),
        (GOOD.replace(b'"schema": 1', b'"schema": 9'), "unknown_schema"),
        (GOOD.replace(b'"schema": 1', b'"schema": 1, "vss": "1.0"'), "unknown_schema"),
        (GOOD.replace(b'"schema": 1', b'"schema": 1, "vehicle_id": "another"'), "another_car"),
        (GOOD.replace(b'"boot_id": "a"', b'"boot_id": "?"'), "bad_envelope"),
        (GOOD.replace(b"Vehicle.Speed", b"Vehicle.Sped"), "unknown_signal"),
        (GOOD.replace(b"[0, 1000]", b"[1000, 0]"), "bad_times"),
        (GOOD.replace(b"[1, 2]", b"[1, 2, 3]"), "bad_columns"),
    ],
)
def test_what_the_decoder_refuses_has_a_kind(body: bytes, kind: str) -> None:
    with pytest.raises(PitcallError) as refused:
        decode_upload(body, vehicle_id="car", received_ms=1_760_000_000_000, names=SignalNames.of({"Vehicle.Speed"}))
    assert kind_of_reason(str(refused.value)) == kind


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("it is too far behind its boot to know whether it came before", "too_late"),
        ("it is of a boot too old to know whether it came before", "too_late"),
        ("there are no samples", "nothing_usable"),
        ("it has no plausible value of any signal that is used", "nothing_usable"),
        ("offsets_ms do not rise", "bad_times"),
        ("Vehicle.Speed holds something that is no number", "bad_columns"),
    ],
)
def test_what_the_fold_refuses_has_a_kind(sentence: str, kind: str) -> None:
    assert kind_of_reason(sentence) == kind


@pytest.mark.parametrize("sentence", ["", "something nobody has thought of", "x" * 10_000])
def test_everything_else_is_one_kind(sentence: str) -> None:
    assert kind_of_reason(sentence) == OTHER
    assert OTHER in REASONS
