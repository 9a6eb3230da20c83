"""The workers of a bench: processes on Kafka; on the embedded log one worker, in this process."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from abc import ABC, abstractmethod
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from adapters.catalogue_file import load_catalogue
from domain.errors import PitcallError
from pitcall.bench.worker import BenchWorker

START_S = 120.0


class Crew(ABC):
    """Workers that are ready, but wait in front of the first upload."""

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(self, *_: object) -> None: ...

    @abstractmethod
    def go(self) -> None:
        """Begin to work."""

    @abstractmethod
    def hold(self) -> None:
        """Begin no more, until told to go again."""

    @abstractmethod
    def check(self) -> None:
        """Raise PitcallError when a worker has ended."""

    @abstractmethod
    def pids(self) -> list[int]:
        """The processes that do the work."""

    def cpu_s(self) -> float:
        """CPU time of the workers so far, in seconds."""
        return sum(map(process_cpu_s, self.pids()))

    def rss_mb(self) -> float:
        """The largest worker's resident memory at its highest, in MB."""
        return max(map(_highest_mb, self.pids()))


class ProcessCrew(Crew):
    """Worker processes that share the partitions of a Kafka.

    `arguments`: of the program that a worker is, without its data folder.
    """

    def __init__(self, arguments: Sequence[str], data_dir: Path, workers: int) -> None:
        self._arguments = arguments
        self._data_dir = data_dir
        self._workers = workers
        self._processes: list[Process] = []

    async def __aenter__(self) -> Self:
        try:
            for number in range(self._workers):
                await self._start(number)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self, number: int) -> None:
        folder = str(self._data_dir / f"worker-{number}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pitcall.bench.worker", folder, *self._arguments),
            stdin=PIPE,
            stdout=PIPE,
            # One thread of numbers per worker: the cores are the workers' and Kafka's.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._processes.append(process)
        if process.stdout is None or await asyncio.wait_for(process.stdout.readline(), START_S) != b"ready\n":
            raise PitcallError("a worker of the bench did not start; what it said is above")

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes:
            try:
                await asyncio.wait_for(process.wait(), 60)
            except TimeoutError:
                process.kill()
                await process.wait()

    def go(self) -> None:
        """Begin to work."""
        self._tell(b"go\n")

    def hold(self) -> None:
        """Begin no more, until told to go again."""
        self._tell(b"hold\n")

    def _tell(self, line: bytes) -> None:
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.write(line)

    def check(self) -> None:
        """Raise PitcallError when a worker has ended."""
        if any(process.returncode is not None for process in self._processes):
            raise PitcallError("a worker of the bench has ended; what it said is above")

    def pids(self) -> list[int]:
        """The worker processes."""
        return [process.pid for process in self._processes]


class EmbeddedCrew(Crew):
    """One worker on the embedded log, which lives in this process; its CPU time includes the sender's."""

    def __init__(self, broker_url: str, data_dir: Path, catalogue: Path, *, is_on_disk: bool = False) -> None:
        self._arguments = (broker_url, data_dir, load_catalogue(catalogue), None)
        self._is_on_disk = is_on_disk
        self._crashes: list[BaseException] = []

    async def __aenter__(self) -> Self:
        self._worker = BenchWorker(*self._arguments, self._crashes.append, is_on_disk=self._is_on_disk)
        await self._worker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.stop()

    def go(self) -> None:
        """Begin to work."""
        self._worker.go.set()

    def hold(self) -> None:
        """Begin no more, until told to go again."""
        self._worker.go.clear()

    def check(self) -> None:
        """Raise PitcallError when the worker crashed."""
        if self._crashes:
            raise PitcallError(f"the worker of the bench crashed: {self._crashes[0]!r}")

    def pids(self) -> list[int]:
        """This process."""
        return [os.getpid()]


def process_cpu_s(pid: int) -> float:
    """User and system time of a process, in seconds; of another process only on Linux, else 0."""
    if pid == os.getpid():
        own = resource.getrusage(resource.RUSAGE_SELF)
        return own.ru_utime + own.ru_stime
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _highest_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    kilobytes = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
    return round(int(kilobytes) / 1024, 1)
