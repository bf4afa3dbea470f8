"""
A PostgreSQL server of our own for tests: loopback, a free port, an empty data directory, gone at the end.

It runs as user `postgres` where the tests run as root, for it refuses to run as root.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.needs import missing


class PostgresServer:
    def __init__(self, home: Path, options: Sequence[str] = (), *, disk: str = "") -> None:
        """
        An empty data directory in *home*, for `init` or `copy` to fill; *options* as `-c` takes them.

        *disk*: the size ("32m") of a disk at `small` that the server alone sees, and only while it runs; needs root.
        """
        self.home = home
        self._disk = disk
        self.port = free_port()
        self._options = options
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        if self._user:
            shutil.chown(home, self._user, self._user)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def small(self) -> Path:
        """Where the small disk is, for the server."""
        return self.home / "small"

    def init(self) -> None:
        more = ["-A", "trust", "-U", "belay", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self._run("initdb", "-D", str(self.data), *more)

    def copy(self, primary: "PostgresServer", *, name: str) -> None:
        """Become a standby of *primary*, which knows it as *name*."""
        conninfo = f"host=127.0.0.1 port={primary.port} user=belay application_name={name}"
        more = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        self._run("pg_basebackup", "-D", str(self.data), "-d", conninfo, *more)

    def _run(self, tool: str, *words: str) -> None:
        command = [_binary(tool), *words]
        subprocess.run(command, check=True, capture_output=True, cwd=self.home, user=self._user, group=self._user)

    def start(self) -> None:
        """
        Start the server on its data directory, also after a stop, and wait until it answers.

        Call it from the main thread: the server ends with the thread that started it.
        """
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=32MB",
            *self._options,
        ]
        last_wish = ["setpriv", "--pdeathsig", "QUIT"]  # it ends with the tests even if they are killed
        words = [_binary("postgres"), "-D", str(self.data), *(word for each in settings for word in ("-c", each))]
        user = self._user
        if self._disk:
            self.small.mkdir(exist_ok=True)
            last_wish += ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
            words, user = [*_ON_A_SMALL_DISK, self._disk, str(self.small), *last_wish, *words], None
        else:
            words = [*last_wish, *words]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.home, user=user, group=user)
        self.wait_until_up()

    def stop(self) -> None:
        """As `pg_ctl stop -m immediate`: connections are cut, nothing is flushed, the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
                self._process = None
            except subprocess.TimeoutExpired:  # seen with clients that reconnect all the while on a busy machine
                self.kill()

    def kill(self) -> None:
        """SIGKILL to the server and all its processes at once, as when a machine loses its power."""
        if self._process is not None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            for pid in (self._process.pid, *map(int, children)):
                os.kill(pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def promote(self) -> None:
        """Make a standby the primary; returns when it takes writes."""
        self.execute("SELECT pg_promote(wait => true)")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://belay@127.0.0.1:{self.port}/{database}"

    def create(self, *, template: str = "template0") -> str:
        """Create a database and return its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def ask(self, query: str, *, database: str = "postgres") -> Any:
        """The one value that *query* finds, None without a row."""
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row and row[0]

    @retry(
        retry=retry_if_exception_type(psycopg.OperationalError),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(30),
        reraise=True,
    )
    def wait_until_up(self) -> None:
        with psycopg.connect(self._conninfo("postgres")):
            pass

    def _conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=belay dbname={database} connect_timeout=5"


#: In a mount namespace of the server's own, so that nothing is left mounted.
_ON_A_SMALL_DISK = (
    *("unshare", "--mount", "sh", "-c"),
    'mount -t tmpfs -o "size=$1,mode=0700,uid=$(id -u postgres)" none "$2" && shift 2 && exec "$@"',
    "sh",
)


@contextmanager
def postgres_server(*options: str, disk: str = "") -> Iterator[PostgresServer]:
    """Start a server, with further `-c` *options* ("max_connections=5"); skip the test where none is installed."""
    if disk and os.geteuid() != 0:
        missing("a small disk is mounted by root only")
    with _home() as home:
        server = PostgresServer(home, options, disk=disk)
        server.init()
        with _running(server):
            yield server


@contextmanager
def standby_of(primary: PostgresServer, *, name: str) -> Iterator[PostgresServer]:
    """A second server that follows *primary* by streaming replication."""
    with _home() as home:
        server = PostgresServer(home)
        server.copy(primary, name=name)
        with _running(server):
            yield server


@contextmanager
def _home() -> Iterator[Path]:
    _binary("postgres")
    home = Path(tempfile.mkdtemp(prefix="belay-postgres-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _running(server: PostgresServer) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop()


def _binary(name: str) -> str:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(newest[-1]) if newest else shutil.which(name)
    if not found:
        missing(f"PostgreSQL is not installed, no '{name}' is found: `make debs` as root installs it")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
