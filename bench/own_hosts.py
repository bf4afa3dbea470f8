"""Hosts that each have to be dialled: a port and a key exchange of their own, on a few real SSH servers."""

import getpass
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import paramiko

from executors.dial import SshSettings
from sandbox.hosts.layout import free_ports
from tests.executors.sshd import Sshd

#: sshd takes no more addresses to listen on (MAX_LISTEN_SOCKS).
PORTS_EACH = 16

#: A host as `targets.yaml` describes it.
Described = Mapping[str, Any]


@contextmanager
def own_hosts(home: Path, count: int, client_key: Path) -> Iterator[Sequence[Described]]:
    """Yield *count* hosts in *home* that let *client_key* in."""
    ports, key = free_ports(count), paramiko.Ed25519Key.from_private_key_file(str(client_key))
    with ExitStack() as stack:
        servers = [
            stack.enter_context(_server(home / f"sshd-{n}", ports[n : n + PORTS_EACH], key))
            for n in range(0, count, PORTS_EACH)
        ]
        yield [host for server in servers for host in server]


@contextmanager
def _server(folder: Path, ports: Sequence[int], client: paramiko.PKey) -> Iterator[Sequence[Described]]:
    more = "\n".join(f"ListenAddress 127.0.0.1:{port}" for port in ports[1:])
    server = Sshd(folder=folder, port=ports[0], extra=more).start()
    (folder / "authorized_keys").write_text(f"{client.get_name()} {client.get_base64()}\n")
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    try:
        yield [
            {
                "address": "127.0.0.1",
                "port": port,
                "user": getpass.getuser(),
                "host_key": key,
                "state_dir": f"{folder}/state-{port}",
            }
            for port in ports
        ]
    finally:
        server.stop()


def floor_s(hosts: Sequence[Described], client_key: Path) -> float:
    """Seconds to connect to all of them with plain paramiko and have one word back from a shell on each."""
    key = paramiko.Ed25519Key.from_private_key_file(str(client_key))
    with ThreadPoolExecutor(SshSettings().threads) as pool:
        began = time.perf_counter()
        lines = list(pool.map(lambda host: _one_word(host, key), hosts))
        took_s = time.perf_counter() - began
    for line in lines:
        line.close()
    return took_s


def _one_word(host: Described, key: paramiko.PKey) -> paramiko.Transport:
    line = paramiko.Transport((host["address"], host["port"]))
    line.connect(username=host["user"], pkey=key)
    channel = line.open_session()
    channel.exec_command("echo here")
    if channel.makefile().read() != b"here\n":
        raise RuntimeError(f"{host['address']}:{host['port']} did not answer")
    return line
