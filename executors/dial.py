"""
Opening one SSH connection with fabric: blocking, called in a thread of the executor's own pool.

fabric reads ssh_config, jump hosts, agent, keys and certificates. What it does not do, and is done here: refuse
unknown host keys on every hop, send small packets at once, notice a dead link, and say what a failure means.
"""

import math
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fabric
import paramiko
from paramiko.config import SSH_PORT
from paramiko.ssh_exception import ConfigParseError, IncompatiblePeer

from core.action import CALL_LIVES_S
from core.errors import AccessDeniedError, BelayError, UnreachableError
from core.target import Host
from executors.known_hosts import HostKey, Known, look_up, pinned, refusal

#: The cheapest that OpenSSH offers, by measurement; the others stay as they are.
FAST_CIPHER = "aes128-gcm@openssh.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """How the bot reaches hosts. Paths may begin with '~'."""

    known_hosts: tuple[str, ...] = ()  #: empty: ssh_config's UserKnownHostsFile, else OpenSSH's usual places
    ssh_config: str | None = None  #: None: ~/.ssh/config and /etc/ssh/ssh_config
    identity_files: tuple[str, ...] = ()  #: empty: the agent, ssh_config and ~/.ssh
    agent: bool = True  #: ask the SSH agent for keys
    connect_timeout_s: float = 10.0
    keepalive_s: float = 4.0  #: a waiting link that is silent for so long is asked for a sign of life
    dead_after_s: float = 12.0  #: and is given up when it is silent for so long: 15 s at the latest, on a busy machine
    call_lives_s: float = CALL_LIVES_S
    idle_close_s: float = 300.0  #: an unused connection is given back after so long
    threads: int = 32  #: for connecting, which blocks; a running action takes none
    secrets: tuple[str, ...] = ()  #: masked wherever they appear in output

    def __post_init__(self) -> None:
        if not 0 < self.keepalive_s < self.dead_after_s <= 15:
            raise ValueError("expected 0 < keepalive_s < dead_after_s <= 15, a dead link has to be noticed")


class HostKeyRefusedError(Exception):
    """The host's key is not the expected one; the text is for the person who has to look."""


class Ear:
    """A socket, or what stands for one behind a jump host, that remembers when it last heard anything."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.heard_at = time.monotonic()

    def listen_to(self, packetizer: Any) -> None:
        """
        Hear whole packets, not bytes: paramiko takes any length for one (5.1), so after a damaged length it would
        swallow for ever what comes, and a link that is deaf would pass for alive.
        """
        read_message = packetizer.read_message

        def read() -> Any:
            message = read_message()
            self.heard_at = time.monotonic()
            return message

        packetizer.read_message = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection and its ear."""

    connection: fabric.Connection
    transport: paramiko.Transport
    ear: Ear

    def close(self) -> None:
        self.connection.close()
        for hop in _hops(self.connection):
            hop.close()


def dial(host: Host, settings: SshSettings) -> Line:
    """
    Connect and log in. Blocks for some multiples of `connect_timeout_s` at most.

    Raises:
        UnreachableError: nobody answered, or not in time.
        AccessDeniedError: the host's key or our credentials were refused, or our own configuration is wrong.
    """
    connection = None
    try:
        connection = _prepare(host, settings)
        connection.open()
    except BelayError:
        raise
    except Exception as error:
        if connection is not None:
            _close_quietly(connection)
        problem = _meaning(error, host, settings)
        if problem is None:
            raise
        raise problem from error
    return Line(connection, connection.transport, connection.transport.sock)


def _prepare(host: Host, settings: SshSettings) -> fabric.Connection:
    config = fabric.Config(
        lazy=True,  # fabric's and invoke's own files are no business of a service
        runtime_ssh_path=_path(settings.ssh_config) if settings.ssh_config else None,
        overrides={
            "timeouts": {"connect": math.ceil(settings.connect_timeout_s)},  # fabric cuts it to whole seconds
            "connect_kwargs": {
                "allow_agent": settings.agent,
                "look_for_keys": not settings.identity_files,
                "banner_timeout": settings.connect_timeout_s,
                "auth_timeout": settings.connect_timeout_s,
                "channel_timeout": settings.connect_timeout_s,
            },
        },
    )
    config.load_ssh_config()
    for path in settings.identity_files:
        if not os.access(_path(path), os.R_OK):
            raise AccessDeniedError(f"cannot read the identity file {path}; nothing was started on '{host.name}'")
    connection = fabric.Connection(host.address, user=host.user, port=host.port, config=config)
    for hop in (connection, *_hops(connection)):
        _tighten(hop, host if hop is connection else None, settings)
    return connection


def _hops(connection: fabric.Connection) -> Iterator[fabric.Connection]:
    while isinstance(connection.gateway, fabric.Connection):
        connection = connection.gateway
        yield connection


def _tighten(hop: fabric.Connection, host: Host | None, settings: SshSettings) -> None:
    """Make one hop of the way strict and quick; *host* is None for a jump host."""
    if host and host.host_key:
        try:
            known = pinned(host.host_key)
        except ValueError as error:
            raise AccessDeniedError(f"host_key of '{host.name}': {error}; correct the inventory") from None
    else:
        known = _known(hop, settings)
    # ssh_config often names keys that are not there, which OpenSSH passes over and paramiko does not
    named = [*settings.identity_files, *hop.ssh_config.get("identityfile", ())]
    keys = [path for path in map(_path, named) if os.access(path, os.R_OK)]
    hop.connect_kwargs = {
        **hop.connect_kwargs,
        "key_filename": keys,
        "transport_factory": lambda sock, **kwargs: _transport(sock, known, settings, kwargs),
    }
    hop.client.set_missing_host_key_policy(_AskUs(hop, known))


def _known(hop: fabric.Connection, settings: SshSettings) -> Known:
    configured = str(hop.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")).split()
    files = settings.known_hosts or (*configured, "/etc/ssh/ssh_known_hosts")
    return look_up(_lines(files), _key_name(hop), int(hop.port), source=", ".join(files))


def _key_name(hop: fabric.Connection) -> str:
    return str(hop.ssh_config.get("hostkeyalias", hop.host))


def _lines(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        with suppress(FileNotFoundError):
            yield from Path(_path(file)).read_text(encoding="utf-8", errors="replace").splitlines()


def _path(text: str) -> str:
    return str(Path(text).expanduser())


class _AskUs:
    """paramiko's policy for unknown host keys. It is given no known hosts, so that every key comes here."""

    def __init__(self, hop: fabric.Connection, known: Known) -> None:
        self._hop = hop
        self._known = known

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        blob = key.public_blob.key_blob if key.public_blob else None
        offered = HostKey(key.get_name(), key.asbytes())
        problem = refusal(
            offered,
            self._known,
            host=_key_name(self._hop),
            port=int(self._hop.port or SSH_PORT),
            certificate=blob,
            now=time.time(),
        )
        if problem:
            raise HostKeyRefusedError(problem)


def _transport(sock: Any, known: Known, settings: SshSettings, kwargs: dict[str, Any]) -> paramiko.Transport:
    if isinstance(sock, socket.socket):
        _tune(sock, settings)
    ear = Ear(sock)
    transport = paramiko.Transport(ear, **kwargs)
    ear.listen_to(transport.packetizer)
    options = transport.get_security_options()
    if FAST_CIPHER in options.ciphers:
        options.ciphers = (FAST_CIPHER, *(c for c in options.ciphers if c != FAST_CIPHER))
    first = known.kinds()
    options.key_types = (*first, *(kind for kind in options.key_types if kind not in first))
    return transport


def _tune(sock: socket.socket, settings: SshSettings) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else some 40 ms a call
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # The kernel's own watch: it notices a dead machine, the ear also one that is alive and says nothing.
    numbers = {
        "TCP_KEEPIDLE": max(1, int(settings.dead_after_s / 3)),
        "TCP_KEEPINTVL": max(1, int(settings.dead_after_s / 6)),
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": int(settings.dead_after_s * 1000),
    }
    for name, value in numbers.items():
        if hasattr(socket, name):  # Linux has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _meaning(error: Exception, host: Host, settings: SshSettings) -> BelayError | None:
    """Return what the caller may do about *error*; None if it is a bug."""
    place = f"'{host.name}' ({host.address})"
    detail = " ".join(str(error).split()) or type(error).__name__
    match error:
        case HostKeyRefusedError():
            return AccessDeniedError(f"did not connect to {place}: {detail}; nothing was started there")
        case FileNotFoundError() if settings.ssh_config and not Path(_path(settings.ssh_config)).exists():
            return AccessDeniedError(f"there is no ssh_config at {settings.ssh_config}; nothing was started")
        case ConfigParseError():
            return AccessDeniedError(f"ssh_config cannot be read: {detail}; nothing was started on {place}")
        case IncompatiblePeer():
            return AccessDeniedError(f"{place} and the bot share no algorithm: {detail}; nothing was started there")
        case paramiko.SSHException() if _is_about_credentials(error, detail):
            return AccessDeniedError(
                f"{place} did not accept the bot's credentials ({detail}); nothing was started there. "
                "Check its user, keys and agent with `ssh -v`"
            )
        case OSError() | EOFError() | paramiko.SSHException():
            return UnreachableError(f"cannot reach {place}: {detail}; nothing was started there")
        case _:
            return None


def _is_about_credentials(error: Exception, detail: str) -> bool:
    # "No authentication methods available" and a locked key come as plain SSHExceptions, and a link that broke
    # while logging in as an AuthenticationException.
    text = detail.lower()
    link_broke = any(sign in text for sign in ("timeout", "timed out", "saw eof", "shut down", "connection reset"))
    return not link_broke and (isinstance(error, paramiko.AuthenticationException) or "authentication" in text)


def _close_quietly(connection: fabric.Connection) -> None:
    for hop in (connection, *_hops(connection)):
        with suppress(OSError, EOFError, paramiko.SSHException):
            hop.client.close()
