"""Furnish the practice cloud's hosts: tools, services, releases, the database."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import executable, python_tool
from sandbox.systems.world import World

MACHINE = Path(__file__).parent / "machine"

#: Sizes of Newton's instances (vcpus, MiB). Half of them are no whole number of GiB, which Ocata's migration hates.
SIZES = ((1, 512), (1, 1024), (2, 1536), (2, 2048), (4, 2560), (4, 4096))
INSTANCES = 240


def furnish(world: World) -> None:
    database = world.in_role("database")[0].ports["db"]
    for host in world.hosts.values():
        settings = {"name": host.name, "ports": host.ports, "database": f"http://127.0.0.1:{database}"}
        (host.directory / "etc" / "host.json").write_text(json.dumps(settings, indent=2))
        ignored = shutil.ignore_patterns("__pycache__", "bin", "releases")
        shutil.copytree(MACHINE, host.directory / "lib" / "machine", ignore=ignored)
        (host.directory / "lib" / "__main__.py").write_text(
            "import importlib, sys\nsys.exit(importlib.import_module('machine.' + sys.argv.pop(1)).main())\n"
        )
        _python_tool(host, "http-get")
    for host in world.in_role("controller"):
        _controller(host)
    for host in world.in_role("compute"):
        _compute(host)
    for host in world.in_role("database"):
        _python_tool(host, "db")
        _service(host, "db", "db_server")
        _database(host.directory / "var" / "db")


def _python_tool(host: PracticeHost, name: str) -> None:
    python_tool(host.directory / "bin" / name, host.directory / "lib", name.replace("-", "_"))


def _shell_tool(host: PracticeHost, name: str) -> None:
    executable(host.directory / "bin" / name, (MACHINE / "bin" / name).read_text())


def _service(host: PracticeHost, name: str, module: str) -> None:
    """A service is a command in HOST/lib that `svc` starts."""
    runner = host.directory / "lib" / name
    python_tool(runner, host.directory / "lib", module)
    folder = host.directory / "etc" / "svc"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"argv": [str(runner)]}))


def _controller(host: PracticeHost) -> None:
    _python_tool(host, "svc")
    _shell_tool(host, "release")
    _service(host, "nova-api", "nova_api")
    for release in ("newton", "ocata"):
        shutil.copytree(
            MACHINE / "releases" / release,
            host.directory / "releases" / release,
            ignore=shutil.ignore_patterns("__pycache__", "__init__.py"),
        )
    (host.directory / "current").symlink_to("releases/newton")


def _compute(host: PracticeHost) -> None:
    _shell_tool(host, "compute-agent")
    name = host.name
    records = "".join(f"{name}-{number:04} {SIZES[number % len(SIZES)][0]}\n" for number in range(12))
    (host.directory / "var" / "records").write_text("format 1 newton\n" + records)


def _database(home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / "nova.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER)")
        connection.execute("INSERT INTO schema_version VALUES (334)")
        connection.execute(
            "CREATE TABLE instances (id INTEGER PRIMARY KEY, name TEXT, project TEXT, vcpus INTEGER, memory_mb INTEGER)"
        )
        connection.executemany(
            "INSERT INTO instances (name, project, vcpus, memory_mb) VALUES (?, ?, ?, ?)",
            [(f"vm-{n:03}", f"project-{n % 7}", *SIZES[n % len(SIZES)]) for n in range(INSTANCES)],
        )
