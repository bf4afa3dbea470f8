"""Lay out a practice host's files: its tools, its keys, its services, its releases, its data."""

import json
import random
import shutil
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import asyncssh

MACHINE = Path(__file__).parent / "machine"

#: Outside the range kernels take ports for outgoing connections from, so that a stopped service finds its own free.
PORTS = range(20_000, 32_000)

PYTHON_TOOLS = {"controller": ("svc", "http-get"), "compute": ("http-get",)}
SHELL_TOOLS = {"controller": ("release", "ping"), "compute": ("compute-agent", "ping")}

#: Sizes of Newton's instances (vcpus, MiB). Half of them are no whole number of GiB, which Ocata's migration hates.
SIZES = ((1, 512), (1, 1024), (2, 1536), (2, 2048), (4, 2560), (4, 4096))
INSTANCES = 240


def free_ports(count: int) -> list[int]:
    """Return *count* loopback ports nobody listens on now."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free loopback ports between {PORTS.start} and {PORTS.stop}")


def new_key(path: Path) -> str:
    """Write a new private key to *path*, readable by us alone, and return its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    key.write_private_key(str(path))
    return key.export_public_key().decode().strip()


def lay_out(directory: Path, *, role: str, client: str, ports: dict[str, int], database: str) -> str:
    """
    Make the directory of the host of that name and return its public host key.

    `client` is the public key let in, `ports` are its services', `database` is the URL they are told.
    """
    for part in ("bin", "etc/svc", "home", "lib", "log", "run", "var/belay"):
        (directory / part).mkdir(parents=True)
    etc = directory / "etc"
    (etc / "authorized_keys").write_text(client + "\n")
    (etc / "hostname").write_text(directory.name + "\n")
    settings = {"name": directory.name, "role": role, "ports": ports, "database": database}
    (etc / "host.json").write_text(json.dumps(settings, indent=2))
    _tools(directory, role, ports)
    if role == "controller":
        _controller(directory)
    else:
        _compute(directory)
    if "db" in ports:
        _database(directory)
    return new_key(etc / "host_key")


def _tools(directory: Path, role: str, ports: dict[str, int]) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "bin", "releases")
    shutil.copytree(MACHINE, directory / "lib" / "machine", ignore=ignored)
    (directory / "lib" / "__main__.py").write_text(
        "import importlib, sys\nsys.exit(importlib.import_module('machine.' + sys.argv.pop(1)).main())\n"
    )
    for tool in SHELL_TOOLS[role]:
        _executable(directory / "bin" / tool, (MACHINE / "bin" / tool).read_text())
    for tool in PYTHON_TOOLS[role] + (("db",) if "db" in ports else ()):
        words = " ".join(f"'{word}'" for word in python_argv(directory, tool.replace("-", "_")))
        _executable(directory / "bin" / tool, f'#!/bin/sh\nexec {words} "$@"\n')
    for service, module in (("nova-api", "nova_api"), ("db", "db_server")):
        if service in ports:
            unit = {"argv": python_argv(directory, module)}
            (directory / "etc" / "svc" / f"{service}.json").write_text(json.dumps(unit))


def python_argv(directory: Path, module: str) -> list[str]:
    """Return the words that run a module of `machine` on a host, without site packages: it starts in 10 ms."""
    return [sys.executable, "-E", "-s", "-S", str(directory / "lib"), module]


def _executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _controller(directory: Path) -> None:
    for release in ("newton", "ocata"):
        shutil.copytree(
            MACHINE / "releases" / release,
            directory / "releases" / release,
            ignore=shutil.ignore_patterns("__pycache__", "__init__.py"),
        )
    (directory / "current").symlink_to("releases/newton")


def _compute(directory: Path) -> None:
    name = directory.name
    records = "".join(f"{name}-{number:04} {SIZES[number % len(SIZES)][0]}\n" for number in range(12))
    (directory / "var" / "records").write_text("format 1 newton\n" + records)


def _database(directory: Path) -> None:
    home = directory / "var" / "db"
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
