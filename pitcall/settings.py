"""Settings: one frozen object, read once from the environment; a wrong one ends start-up with one sentence."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from domain.errors import PitcallError
from domain.reminder_policy import HOUR_MS, ReminderPolicy

DATA = Path(__file__).parent / "data"


SECRET = frozenset({"snapshot_key", "database_url", "broker_url", "history_url", "history_token", "smtp_url"})


class WrongSetting(PitcallError):
    """A variable has a value that cannot be; the message names the variable and what would be right."""


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty")
    return value.strip()


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("it is not a whole number") from None


def _port(value: str) -> int:
    port = _whole(value)
    if not 0 <= port <= 65_535:
        raise ValueError("a port is 0 to 65535")
    return port


def _seconds(value: str) -> int:
    seconds = _whole(value)
    if seconds < 0:
        raise ValueError("it is seconds, or 0 for never")
    return seconds


def _copies(value: str) -> int:
    copies = _whole(value)
    if not 0 <= copies <= 3:
        raise ValueError("it is 0 to 3")
    return copies


def _count(value: str) -> int:
    count = _whole(value)
    if count < 1:
        raise ValueError("it must be at least 1")
    return count


def _sender(value: str) -> str:
    if value.strip() and "@" not in parseaddr(value)[1]:
        raise ValueError("it has an address, as in Pitcall <service@example.org>")
    return value.strip()


def _hours(value: str) -> str:
    begin, dash, end = value.partition("-")
    if not (dash and begin.isdecimal() and end.isdecimal() and int(begin) <= 23 and int(end) <= 23):
        raise ValueError("it is two hours of the day, as in 21-8")
    return value


def _hours_between(value: str) -> int:
    hours = _whole(value)
    if not 0 <= hours <= 24 * 30:
        raise ValueError("it is 0 hours to 30 days")
    return hours


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError("it is one of " + ", ".join(known or "empty" for known in allowed))
        return value

    return parse


def _yes_or_no(value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("it is yes or no")
    return value == "yes"


def _url_with(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value and not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError("it begins with " + " or ".join(f"{scheme}://" for scheme in schemes))
        if value.endswith("://"):
            raise ValueError("it names nothing after ://")
        return value

    return parse


def _key(value: str) -> str:
    if value and len(value) < 32:
        raise ValueError("a key has at least 32 characters")
    return value


def _setting(env: str, default: Any, parse: Callable[[str], Any], about: str) -> Any:
    return field(default=default, metadata={"env": env, "parse": parse, "about": about})


@dataclass(frozen=True)
class Settings:
    """What differs between a laptop, a test and a cluster. Empty URLs mean the embedded log and records."""

    data_dir: Path = _setting(
        "PITCALL_DATA_DIR", Path("var"), lambda v: Path(_text(v)), "folder of the embedded log, records and keys"
    )
    broker_url: str = _setting(
        "PITCALL_BROKER_URL", "", _url_with("pitcall-log", "pitcall-kafka"),
        "the log: pitcall-kafka://host:port, or empty for the embedded one",
    )  # fmt: skip
    database_url: str = _setting(
        "PITCALL_DATABASE_URL", "", _url_with("sqlite+aiosqlite", "postgresql+psycopg"),
        "the records: postgresql+psycopg://…, or empty for SQLite",
    )  # fmt: skip
    kafka_partitions: int = _setting(
        "PITCALL_KAFKA_PARTITIONS", 32, _count, "partitions of each topic on a fresh Kafka; never changed afterwards"
    )
    kafka_replication: int = _setting(
        "PITCALL_KAFKA_REPLICATION", 1, _count, "copies of each partition; at least 3 where data matters"
    )
    state_store: str = _setting(
        "PITCALL_STATE_STORE", "", _one_of("", "memory", "disk"),
        "where a worker keeps the cars' states: memory, or disk (in the data folder, which is then this worker's "
        "alone); empty: disk on Kafka, memory for the embedded log",
    )  # fmt: skip
    standby_replicas: int = _setting(
        "PITCALL_STANDBY_REPLICAS", 1, _copies, "other workers on Kafka that keep each partition's state ready; 0: none"
    )
    history_url: str = _setting(
        "PITCALL_HISTORY_URL", "", _url_with("http", "https"),
        "the history of signals: http(s)://host:8086/organisation/bucket of InfluxDB 2, or empty for SQLite; a "
        "cluster without it keeps none",
    )  # fmt: skip
    history_token: str = _setting("PITCALL_HISTORY_TOKEN", "", str, "token that may write and read that bucket")
    history_retention_days: int = _setting(
        "PITCALL_HISTORY_RETENTION_DAYS", 400, _count, "how long the history of signals is kept"
    )
    http_host: str = _setting("PITCALL_HTTP_HOST", "127.0.0.1", _text, "address the API listens on")
    http_port: int = _setting("PITCALL_HTTP_PORT", 8080, _port, "port the API listens on; 0 takes a free one")
    public_url: str = _setting(
        "PITCALL_PUBLIC_URL", "", _url_with("http", "https"), "how people reach the pages, if not by host and port"
    )
    calls_per_minute: int = _setting(
        "PITCALL_CALLS_PER_MINUTE", 1200, _count, "calls of one caller of the API that one process answers in a minute"
    )
    sign_ins_per_minute: int = _setting(
        "PITCALL_SIGN_INS_PER_MINUTE", 300, _count, "sign-ins and registrations from one address, likewise"
    )
    smtp_url: str = _setting(
        "PITCALL_SMTP_URL", "", _url_with("smtp", "smtps"),
        "the mail server that reminders go to: smtp://user:password@host:587 or smtps://…; empty: they are written to "
        "reminders.jsonl in the data folder",
    )  # fmt: skip
    mail_from: str = _setting(
        "PITCALL_MAIL_FROM", "", _sender, "the address reminders come from, as in Pitcall <service@example.org>"
    )
    quiet_hours: str = _setting(
        "PITCALL_QUIET_HOURS", "21-8", _hours, "when nobody gets a reminder, by the clock of each; 0-0: never"
    )
    reminder_gap_hours: int = _setting(
        "PITCALL_REMINDER_GAP_HOURS", 48, _hours_between, "hours between two reminders to one person; what is urgent "
        "does not wait"
    )  # fmt: skip
    controller: str = _setting(
        "PITCALL_CONTROLLER", "the operator of this Pitcall", _text,
        "who answers for what is done with personal data (a company and its address); stands in every consent receipt",
    )  # fmt: skip
    webhooks_inside: bool = _setting(
        "PITCALL_WEBHOOKS_INSIDE", False, _yes_or_no,
        "yes: webhooks go to inside addresses too, for dealers on your own network and for trials on one machine",
    )  # fmt: skip
    metrics_port: int = _setting(
        "PITCALL_METRICS_PORT", 0, _port,
        "port of /metrics, /healthz and /readyz without a credential, for inside only; 0: none",
    )  # fmt: skip
    watchdog_seconds: int = _setting(
        "PITCALL_WATCHDOG_SECONDS", 60, _seconds, "a worker whose records wait so long without a commit ends; 0: never"
    )
    snapshot_key: str = _setting(
        "PITCALL_SNAPSHOT_KEY", "", _key, "key that signs model snapshots; the same for all processes of a cluster"
    )
    catalogue: Path = _setting(
        "PITCALL_CATALOGUE", DATA / "car.yaml", lambda v: Path(_text(v)), "the catalogue of signals and items"
    )
    log_format: str = _setting(
        "PITCALL_LOG_FORMAT", "console", _one_of("console", "json"), "console for people, json for machines"
    )
    log_level: str = _setting(
        "PITCALL_LOG_LEVEL", "warning", _one_of("debug", "info", "warning", "error"), "how much is logged"
    )

    @property
    def reminder_policy(self) -> ReminderPolicy:
        """When reminders may go."""
        begin, _, end = self.quiet_hours.partition("-")
        return ReminderPolicy(int(begin), int(end), self.reminder_gap_hours * HOUR_MS)

    @property
    def is_embedded(self) -> bool:
        """Whether the log is in this process."""
        return not self.broker_url.startswith("pitcall-kafka://")

    @property
    def is_state_on_disk(self) -> bool:
        """Whether workers keep states on disk."""
        return self.state_store == "disk" or (not self.state_store and not self.is_embedded)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    for known in fields(Settings):
        if known.name == name:
            return str(known.metadata["env"])
    raise KeyError(name)


def records_url(settings: Settings) -> str:
    """The SQLAlchemy URL of the records: the setting, or the SQLite file of the data folder."""
    return settings.database_url or f"sqlite+aiosqlite:///{(settings.data_dir / 'records.sqlite').resolve()}"


def log_url(settings: Settings) -> str:
    """The URL of the log: the setting, or the embedded log of the data folder."""
    return settings.broker_url or f"pitcall-log://{(settings.data_dir / 'log.sqlite').resolve()}"


def read_settings(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings from the environment; `given` (what the command line said) comes before it.

    Raises WrongSetting for a value that cannot be, and for a PITCALL_ variable that no setting has.
    """
    environment = os.environ if environment is None else environment
    known = {str(entry.metadata["env"]): entry for entry in fields(Settings)}
    for name in environment:
        if name.startswith("PITCALL_") and name not in known:
            raise WrongSetting(f"{name} is no setting of Pitcall; did you mean {_nearest(name, known)}?")
    values = {name: value for name, value in given.items() if value is not None}
    for name, entry in known.items():
        if entry.name not in values and name in environment:
            try:
                values[entry.name] = entry.metadata["parse"](environment[name])
            except ValueError as error:
                # Keys and URLs with passwords are not repeated: this sentence ends up in logs.
                given_as = "" if entry.name in SECRET else f" {environment[name]!r}"
                raise WrongSetting(f"{name} cannot be{given_as or ' what it is'}: {error}") from None
    settings = Settings(**values)
    if not settings.is_embedded and not settings.snapshot_key:
        raise WrongSetting("PITCALL_SNAPSHOT_KEY is missing: all processes on one Kafka sign models with the same key")
    if settings.smtp_url and not (settings.mail_from and settings.public_url):
        raise WrongSetting(
            "PITCALL_SMTP_URL needs PITCALL_MAIL_FROM and PITCALL_PUBLIC_URL: whose mail it is, and where"
        )
    return settings


def _nearest(name: str, known: Mapping[str, object]) -> str:
    return (difflib.get_close_matches(name, known, 1, 0.0) or ["PITCALL_DATA_DIR"])[0]
