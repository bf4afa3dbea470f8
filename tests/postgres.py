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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.needs import missing


class PostgresServer:
    def __init__(self, home: Path, port: int, words: list[str], user: str | None) -> None:
        self.home = home
        self.port = port
        self._words = words
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """
        Start the server on its data directory, also after a stop, and wait until it answers.

        Call it from the main thread: the server ends with the thread that started it.
        """
        last_wish = ["setpriv", "--pdeathsig", "QUIT"]  # it ends with the tests even if they are killed
        words = [*last_wish, *self._words]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.home, user=self._user, group=self._user
            )
        self.wait_until_up()

    def stop(self) -> None:
        """As `pg_ctl stop -m immediate`: connections are cut, nothing is flushed, the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

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


@contextmanager
def postgres_server(*options: str) -> Iterator[PostgresServer]:
    """Start a server, with further `-c` *options* ("max_connections=5"); skip the test where none is installed."""
    initdb, postgres = (_binary(name) for name in ("initdb", "postgres"))
    home = Path(tempfile.mkdtemp(prefix="belay-postgres-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        shutil.chown(home, user, user)
    server = None
    try:
        data = home / "data"
        init = [initdb, "-D", str(data), "-A", "trust", "-U", "belay", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(init, check=True, capture_output=True, cwd=home, user=user, group=user)
        port = free_port()
        settings = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=32MB",
            *options,
        ]
        words = [postgres, "-D", str(data), *(word for setting in settings for word in ("-c", setting))]
        server = PostgresServer(home, port, words, user)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


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
