"""A real Apache Kafka (KRaft, one node that is broker and controller) on loopback."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

from tests.servers.availability import Found, MissingServerError, cache_folder, version_of
from tests.servers.process import ServerProcess, free_port, private_folder

VERSION = "4.1.1"
NAME = "Apache Kafka"
OLDEST_JAVA = 17
RECIPE = Path(__file__).parent / "kafka"
HOW_TO_GET = "install a Java 17+ runtime and Maven (Debian: apt-get install default-jre-headless maven)"

# Only what a test needs to differ from Kafka's defaults: one replica of everything, few internal partitions, no wait
# for more members of a group, no topic that nobody declared, and a controller that soon lets a killed broker back in.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
"""


def find() -> Found:
    """The broker that can be started here.

    Raises
    ------
    MissingServerError
        No Java of the right age, or no jars and no Maven to fetch them.
    """
    java = version_of([_java(), "-version"], r'version "(\d+)')
    if java is None or int(java) < OLDEST_JAVA:
        raise MissingServerError(NAME, HOW_TO_GET)
    if _jars().is_dir():
        return Found(NAME, VERSION, f"Java {java}")
    if shutil.which("mvn") is None:
        raise MissingServerError(NAME, HOW_TO_GET)
    return Found(NAME, VERSION, f"Java {java}; Maven fetches it on first use")


SMALL = ("-Xms128m", "-Xmx512m")
"""Java's options of a broker that shares the machine with a suite."""
LARGE = ("-Xms2g", "-Xmx2g", "-XX:+UseParallelGC")
"""Those of one under load: batches of a megabyte need room, and pauses of some milliseconds do no harm."""


def start(java: Sequence[str] = SMALL, *, advertised: int | None = None) -> tuple[ServerProcess, str]:
    """Start a broker with no topics; returns its process and its address ``127.0.0.1:port``.

    It sends its clients to port `advertised` instead, where a test has put a proxy.
    """
    find()
    jars = _fetched_jars()
    folder = private_folder("kafka")
    port, controller = free_port(), free_port()
    properties = folder / "server.properties"
    properties.write_text(
        PROPERTIES.format(folder=folder, port=port, advertised=advertised or port, controller=controller)
    )
    run = [_java(), *java, "-cp", f"{jars}/*"]
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
    subprocess.run(
        [*run, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    server = ServerProcess(NAME, folder, [*run, "kafka.Kafka", str(properties)], lambda: _says_started(folder))
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return server, f"127.0.0.1:{port}"


def _says_started(folder: Path) -> bool:
    # Kafka writes this once it is unfenced; a port that answers comes earlier and is not enough.
    log = folder / "server.log"
    return log.exists() and b"Kafka Server started" in log.read_bytes()


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def _jars() -> Path:
    return cache_folder() / f"kafka-{VERSION}"


def _fetched_jars() -> Path:
    """The folder of Kafka's jars, fetched and checked against their hashes when it isn't there yet."""
    jars = _jars()
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="fetch-") as room:
        fetched = Path(room) / "jars"
        command = ["mvn", "-B", "-q", "-C", "-Dstyle.color=never", "-f", str(RECIPE / "pom.xml")]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
        # Java takes the home folder from the user's entry, everything else here from HOME: make them one.
        options = f"{os.environ.get('MAVEN_OPTS', '')} -Duser.home={Path.home()}".strip()
        environment = os.environ | {"MAVEN_OPTS": options}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            reason = (done.stdout + done.stderr).strip().splitlines()[:1] or ["it gave no reason"]
            raise MissingServerError(NAME, f"Maven could not fetch its jars: {reason[0]}")
        check_hashes(fetched)
        if not jars.is_dir():  # another run may have been quicker
            fetched.rename(jars)
    return jars


def check_hashes(folder: Path) -> None:
    """Refuse a folder of jars that isn't byte for byte the one recorded in ``kafka/jars.sha256``."""
    wanted = {}
    for line in (RECIPE / "jars.sha256").read_text().splitlines():
        digest, name = line.split()
        wanted[name] = digest
    got = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    if wrong := sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name)):
        raise ValueError(f"Kafka's jars differ from tests/servers/kafka/jars.sha256: {', '.join(wrong)}")
