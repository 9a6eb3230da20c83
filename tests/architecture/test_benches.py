"""`make bench` names what there is, and the peers are pinned like everything else."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.test_locked_requirements import HASH, PIN, requirements

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "benchmarks" / "peers" / "requirements.lock"


def test_every_bench_of_the_command_line_is_listed() -> None:
    done = subprocess.run(
        [sys.executable, "tools/list_benches.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "make bench-bookings",
        "make bench-edge",
        "make bench-predict",
        "make bench-recover",
        "make bench-stream",
    ]


def test_the_peers_are_pinned_and_hashed_and_no_part_of_the_product() -> None:
    lines = requirements(LOCK)
    assert [line for line in lines if not (PIN.match(line) and HASH.search(line))] == []
    assert "://" not in LOCK.read_text()
    assert "quixstreams" not in (ROOT / "requirements" / "runtime.lock").read_text()
