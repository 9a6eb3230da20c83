"""The script that prepares the container's PostgreSQL, run on a real one."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import without
from tests.servers import postgres
from tests.servers.availability import MissingServerError

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgres" / "10-pitcall.sh"

pytestmark = pytest.mark.postgres


@pytest.fixture
def new_cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL as the image has it when its data folder is new: without our role."""
    try:
        cluster = postgres.start()
    except MissingServerError as missing:
        without(missing)
    with cluster.server:
        with cluster.superuser() as connection:
            connection.execute(f"DROP ROLE {postgres.ROLE}")
        yield cluster


def test_the_container_gets_a_role_without_rights_that_owns_its_database(new_cluster: postgres.Cluster) -> None:
    password = "it's not; a word"
    environment = {
        "PATH": f"{postgres.program_folder()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(new_cluster.port),
        "PGPASSWORD": new_cluster.superuser_password,
        "DATABASE_PASSWORD": password,
    }
    subprocess.run([SCRIPT], env=environment, check=True, capture_output=True)
    with psycopg.connect(
        host="127.0.0.1", port=new_cluster.port, user="pitcall", password=password, dbname="pitcall"
    ) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        assert connection.execute("SELECT current_setting('is_superuser')").fetchone() == ("off",)
