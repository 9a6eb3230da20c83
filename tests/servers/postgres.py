"""A real PostgreSQL on loopback, its cluster made for this run."""

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.availability import Found, MissingServerError, version_of
from tests.servers.process import ServerProcess, free_port, private_folder

NAME = "PostgreSQL"
OLDEST = 15
HOW_TO_GET = "install PostgreSQL 15 or newer with its contrib modules (Debian: apt-get install postgresql)"
# The product's own role: it owns its database and is no superuser, as in a real deployment.
ROLE = "pitcall"


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL: where it listens and the passwords of its superuser and of the product's role."""

    server: ServerProcess
    port: int
    superuser_password: str
    role_password: str

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database, as the product's role."""
        return f"postgresql+psycopg://{ROLE}:{self.role_password}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A superuser's connection, every statement its own transaction."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user="postgres",
            password=self.superuser_password,
            autocommit=True,
        ) as connection:
            yield connection

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """An empty database of the product's role; yields its URL and drops it afterwards."""
        name = f"pitcall_{secrets.token_hex(6)}"
        with self.superuser() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(ROLE))
            )
        try:
            yield self.url(name)
        finally:
            with self.superuser() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def find() -> Found:
    """The PostgreSQL that can be started here.

    Raises
    ------
    MissingServerError
        No ``initdb`` on the path or where distributions keep it, too old, or without btree_gist.
    """
    programs = program_folder()
    version = version_of([str(programs / "postgres"), "--version"], r"([\d.]+)") if programs else None
    if programs is None or version is None or int(version.split(".")[0]) < OLDEST:
        raise MissingServerError(NAME, HOW_TO_GET)
    shared = version_of([str(programs / "pg_config"), "--sharedir"], r"(\S+)")
    if shared is not None and not (Path(shared) / "extension" / "btree_gist.control").exists():
        raise MissingServerError(NAME, f"{version} is here without btree_gist; {HOW_TO_GET}")
    return Found(NAME, version)


def start(*, is_durable: bool = False) -> Cluster:
    """Make a cluster in a folder of its own and start it; a durable one syncs its commits, for what is measured."""
    find()
    programs = program_folder()
    assert programs is not None
    user = _other_user()
    folder = private_folder("postgres")
    if user is not None:
        shutil.chown(folder, user)
    passwords = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
    _initialise(programs, folder, user, passwords[0])
    port = free_port()
    options = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "timezone": "UTC",
    }
    if not is_durable:
        # The folder lives as long as the run; no test takes the machine's power away.
        options |= {"fsync": "off", "full_page_writes": "off"}
    command = [str(programs / "postgres"), "-D", str(folder / "cluster")]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    cluster: Cluster
    server = ServerProcess(NAME, folder, command, lambda: _answers(cluster), user=user, stop_signal="SIGINT")
    cluster = Cluster(server, port, *passwords)
    try:
        server.start()
        with cluster.superuser() as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(passwords[1]))
            )
    except BaseException:
        server.close()
        raise
    return cluster


def _initialise(programs: Path, folder: Path, user: str | None, password: str) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    identity: dict[str, object] = {}
    if user is not None:
        shutil.chown(secret, user)
        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    command = [str(programs / "initdb"), "-D", str(folder / "cluster"), "-U", "postgres", "-E", "UTF8"]
    command += ["--locale=C", "--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **identity)  # type: ignore[call-overload]
    secret.unlink()


def _answers(cluster: Cluster) -> bool:
    try:
        with cluster.superuser():
            return True
    except psycopg.OperationalError:
        return False


def program_folder() -> Path | None:
    """The folder of the newest PostgreSQL's programs: Debian keeps them off the path, one folder a version."""
    homes = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(homes, key=lambda path: int(path.parts[-3]), default=None)
    if newest is not None:
        return newest.parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _other_user() -> str | None:
    """Whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise MissingServerError(NAME, "it won't run as root, and there is no user `postgres` or `nobody` to run it as")
