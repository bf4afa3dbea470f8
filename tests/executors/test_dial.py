"""What a failure to connect allows: the words are paramiko's own, met on real links."""

import socket

import paramiko
import pytest

from core.errors import AccessDeniedError, UnreachableError
from core.target import Host
from executors.dial import HostKeyRefusedError, SshSettings, _meaning

HOST = Host(name="web1", address="10.0.0.1")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (HostKeyRefusedError("the host key of web1:22 has changed"), AccessDeniedError),
        (paramiko.AuthenticationException("Authentication failed."), AccessDeniedError),
        (paramiko.BadAuthenticationType("Bad authentication type", ["publickey"]), AccessDeniedError),
        (paramiko.SSHException("No authentication methods available"), AccessDeniedError),
        (paramiko.AuthenticationException("Authentication failed: transport shut down or saw EOF"), UnreachableError),
        (paramiko.AuthenticationException("Authentication timeout."), UnreachableError),
        (paramiko.SSHException("Error reading SSH protocol banner"), UnreachableError),
        (paramiko.ChannelException(2, "Connect failed"), UnreachableError),
        (socket.gaierror(-2, "Name or service not known"), UnreachableError),
        (ConnectionResetError(104, "Connection reset by peer"), UnreachableError),
        (TimeoutError(), UnreachableError),
        (EOFError(), UnreachableError),
    ],
)
def test_what_a_failure_means(error: Exception, meaning: type[Exception]) -> None:
    problem = _meaning(error, HOST, SshSettings())

    assert type(problem) is meaning
    assert "nothing was started" in str(problem)


def test_a_bug_is_no_failure_to_connect() -> None:
    assert _meaning(TypeError("x"), HOST, SshSettings()) is None
