"""
One SSH session and the process it started, joined by three pipes.

As OpenSSH does it without a terminal: the process leads a session of its own; when the channel closes it loses
its pipes and is not killed; the channel ends when the process has ended and nobody holds its outputs any more.
Where OpenSSH sends the exit status at once while a background child still holds an output, ours waits for that
child: a client that reads to the end sees no difference.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping

import asyncssh

CHUNK_BYTES = 65_536
#: Input the process has not taken yet; above it the channel is told to wait.
INPUT_BUFFER_BYTES = 262_144

#: The signals the protocol has names for (RFC 4254, 6.10).
NAMED = {"ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"}


class Command(asyncssh.SSHServerSession[bytes]):
    """A command (`/bin/sh -c COMMAND`), or a shell that reads its commands from stdin. No terminal, no subsystem."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._argv = ["/bin/sh"]
        self._loop = asyncio.get_running_loop()
        self._outputs: dict[int, int | None] = {}  # descriptor -> the channel's kind of data
        self._input = -1
        self._pending = bytearray()
        self._input_ends = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._argv = ["/bin/sh", "-c", command]
        return True

    def session_started(self) -> None:
        """Start the process at once: input may come right behind the request."""
        child_in, self._input = os.pipe()
        output, child_out = os.pipe()
        errors, child_err = os.pipe()
        self._process = subprocess.Popen(
            self._argv,
            stdin=child_in,
            stdout=child_out,
            stderr=child_err,
            env=dict(self._environment),
            cwd=self._environment["HOME"],
            start_new_session=True,
        )
        for descriptor in (child_in, child_out, child_err):
            os.close(descriptor)
        os.set_blocking(self._input, False)
        self._outputs = {output: None, errors: asyncssh.EXTENDED_DATA_STDERR}
        for descriptor in self._outputs:
            os.set_blocking(descriptor, False)
            self._loop.add_reader(descriptor, self._forward, descriptor)
        self._handle = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._handle, self._process_ended)

    # From the process to the channel.

    def _forward(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return
        if data:
            self._channel.write(data, self._outputs[descriptor])
        else:
            self._close_output(descriptor)
            self._end_if_over()

    def pause_writing(self) -> None:
        for descriptor in self._outputs:
            self._loop.remove_reader(descriptor)

    def resume_writing(self) -> None:
        for descriptor in self._outputs:
            self._loop.add_reader(descriptor, self._forward, descriptor)

    def _close_output(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        del self._outputs[descriptor]
        os.close(descriptor)

    # From the channel to the process.

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._input < 0:
            return
        self._pending += data
        self._feed()

    def eof_received(self) -> bool:
        self._input_ends = True
        if not self._pending:
            self._close_input()
        return True  # the other direction stays open

    def _feed(self) -> None:
        try:
            written = os.write(self._input, self._pending)
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            self._close_input()
            return
        del self._pending[:written]
        if self._pending:
            self._loop.add_writer(self._input, self._feed)
            if len(self._pending) > INPUT_BUFFER_BYTES:
                self._channel.pause_reading()
            return
        self._loop.remove_writer(self._input)
        if self._input_ends:
            self._close_input()
        else:
            self._channel.resume_reading()  # may call data_received and eof_received before it returns

    def _close_input(self) -> None:
        if self._input < 0:
            return
        self._loop.remove_writer(self._input)
        os.close(self._input)
        self._input = -1
        self._pending.clear()
        self._channel.resume_reading()

    def signal_received(self, signal: str) -> None:
        """Pass it to the process's whole group, as OpenSSH does; a name we do not know is ignored, as there."""
        number = _number(signal)
        if number is not None and self._process.returncode is None:
            os.killpg(self._process.pid, number)

    # The end.

    def _process_ended(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)
        self._process.wait()
        self._end_if_over()

    def _end_if_over(self) -> None:
        status = self._process.returncode
        if status is None or self._outputs:
            return
        self._close_input()
        name = signal.Signals(-status).name.removeprefix("SIG") if status < 0 else ""
        if name in NAMED:
            self._channel.exit_with_signal(name)
        else:
            self._channel.exit(status if status >= 0 else 128 - status)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the pipes away. What still runs goes on; `_process_ended` reaps it."""
        for descriptor in list(self._outputs):
            self._close_output(descriptor)
        if self._input >= 0:
            self._loop.remove_writer(self._input)
            os.close(self._input)
            self._input = -1


def _number(name: str) -> signal.Signals | None:
    return signal.Signals[f"SIG{name}"] if name in NAMED else None
