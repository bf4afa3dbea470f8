"""What an SSH client meets on a practice host."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncssh
import fabric
import paramiko
import pytest
import pytest_asyncio

from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import new_key

pytestmark = pytest.mark.asyncio(loop_scope="module")


def connect(host: PracticeHost, **changes: Any) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
    options: dict[str, Any] = {
        "username": "belay",
        "client_keys": [str(host.client_key)],
        "known_hosts": str(host.known_hosts),
        "config": None,
        "agent_path": None,
    }
    return asyncssh.connect("127.0.0.1", host.port, **(options | changes))


async def test_exit_status_and_both_outputs(shared_host: PracticeHost) -> None:
    said = await shared_host.ask("echo out; echo err >&2; exit 7")

    assert (said.exit_code, said.stdout, said.stderr) == (7, "out\n", "err\n")


async def test_death_by_signal_is_told_as_one(shared_host: PracticeHost) -> None:
    said = await shared_host.ask("kill -KILL $$")

    assert said.exit_code == -9


async def test_a_missing_command_is_the_shells_127(shared_host: PracticeHost) -> None:
    said = await shared_host.ask("no-such-command")

    assert said.exit_code == 127
    assert "no-such-command" in said.stderr


async def test_megabytes_go_through_and_come_back_whole(shared_host: PracticeHost) -> None:
    """Larger than every buffer on the way, so that both directions have to wait for each other."""
    sent = "".join(f"{n:09}\n" for n in range(500_000))

    said = await shared_host.ask("cat", stdin=sent)

    assert said.stdout == sent


async def test_a_process_that_reads_nothing_does_not_block_the_channel(shared_host: PracticeHost) -> None:
    said = await shared_host.ask("exit 3", stdin="x" * 1_000_000)

    assert said.exit_code == 3


@pytest_asyncio.fixture(loop_scope="module")
async def gate(shared_host: PracticeHost) -> AsyncIterator[str]:
    """A named pipe: `read x <gate` in a command waits until `echo >gate` is run in another."""
    await shared_host.run("mkfifo gate")
    yield "gate"
    await shared_host.run("rm gate")


async def test_a_command_that_does_not_read_makes_the_client_wait(shared_host: PracticeHost, gate: str) -> None:
    size = 8_000_000
    async with (
        connect(shared_host) as connection,
        connection.create_process(f"read x <{gate}; wc -c") as process,
    ):
        process.stdin.write("x" * size)
        process.stdin.write_eof()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.stdin.drain(), 0.5)
        await shared_host.run(f"echo >{gate}")

        assert (await process.stdout.read()).strip() == str(size)


async def test_output_of_a_child_that_outlives_the_command_is_not_cut(shared_host: PracticeHost, gate: str) -> None:
    async with (
        connect(shared_host) as connection,
        connection.create_process(f"{{ read x <{gate}; echo late; }} & echo $!") as process,
    ):
        await process.stdout.readline()
        await shared_host.run(f"echo >{gate}")

        assert await process.stdout.read() == "late\n"
        assert (await process.wait()).exit_status == 0


async def test_output_comes_while_the_command_runs(shared_host: PracticeHost) -> None:
    async with connect(shared_host) as connection, connection.create_process("echo a; read x; echo $x") as process:
        first = await process.stdout.readline()
        process.stdin.write("b\n")
        second = await process.stdout.readline()
        ended = await process.wait()

    assert (first, second, ended.exit_status) == ("a\n", "b\n", 0)


async def test_end_of_input_reaches_the_command(shared_host: PracticeHost) -> None:
    async with connect(shared_host) as connection, connection.create_process("cat; echo ended") as process:
        process.stdin.write_eof()

        assert await process.stdout.read() == "ended\n"


async def test_environment_is_the_hosts_own(shared_host: PracticeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (await shared_host.run("env")).splitlines()
    environment = dict(line.partition("=")[::2] for line in lines)

    root = str(shared_host.directory)
    assert environment["PRACTICE_ROOT"] == root
    assert environment["HOME"] == f"{root}/home"
    assert environment["PATH"].split(":")[0] == f"{root}/bin"
    assert "PYTHONPATH" not in environment
    assert await shared_host.run("pwd") == f"{root}/home"


async def test_each_command_leads_a_session_of_its_own(shared_host: PracticeHost) -> None:
    pid, group, session = (await shared_host.run("cut -d' ' -f1,5,6 /proc/$$/stat")).split()

    assert pid == group == session


async def test_many_channels_at_once_on_one_connection(shared_host: PracticeHost) -> None:
    async with connect(shared_host) as connection:
        waiting = await connection.create_process("read x; echo $x")
        done = await asyncio.gather(*(connection.run(f"echo {n}", check=True) for n in range(40)))
        waiting.stdin.write("late\n")

        assert [one.stdout for one in done] == [f"{n}\n" for n in range(40)]
        assert await waiting.stdout.readline() == "late\n"


async def test_signal_request_reaches_the_process_group(shared_host: PracticeHost) -> None:
    async with (
        connect(shared_host) as connection,
        connection.create_process("sleep 1000 & echo up; wait") as process,
    ):
        await process.stdout.readline()
        process.send_signal("TERM")
        ended = await process.wait()

    assert ended.exit_signal is not None
    assert ended.exit_signal[0] == "TERM"


async def test_closing_the_channel_leaves_a_detached_child_alone(shared_host: PracticeHost) -> None:
    async with connect(shared_host) as connection:
        process = await connection.create_process("setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; cat")
        pid = int(await process.stdout.readline())
        process.close()
        await process.wait_closed()

    assert await shared_host.run(f"kill -0 {pid} && echo alive") == "alive"
    await shared_host.run(f"kill {pid}")


async def test_closing_the_channel_takes_the_pipes_of_a_plain_command(shared_host: PracticeHost) -> None:
    """A command that reads meets the end of its input and goes; that is all sshd does without a terminal."""
    async with connect(shared_host) as connection:
        process = await connection.create_process("echo $$; exec cat")
        pid = int(await process.stdout.readline())
        handle = os.pidfd_open(pid)
        process.close()
        await process.wait_closed()
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, gone.set)
        await asyncio.wait_for(gone.wait(), 10)

    asyncio.get_running_loop().remove_reader(handle)
    os.close(handle)


async def test_no_terminal_is_given(shared_host: PracticeHost) -> None:
    async with connect(shared_host) as connection:
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process("tty", term_type="xterm")


async def test_another_key_is_refused(shared_host: PracticeHost, tmp_path: Path) -> None:
    new_key(tmp_path / "stranger")

    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(shared_host, client_keys=[str(tmp_path / "stranger")]):
            pass


async def test_another_user_is_refused(shared_host: PracticeHost) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with connect(shared_host, username="root"):
            pass


async def test_another_host_key_is_noticed(shared_host: PracticeHost, tmp_path: Path) -> None:
    other = new_key(tmp_path / "other_host_key")
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{shared_host.port} {other}\n")

    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with connect(shared_host, known_hosts=str(tmp_path / "known_hosts")):
            pass


async def test_a_practice_host_can_be_a_jump_host(shared_host: PracticeHost) -> None:
    async with connect(shared_host) as first, connect(shared_host, tunnel=first) as second:
        done = await second.run("ping", check=True)

    assert done.stdout == "pong from controller-1\n"


async def test_fabric_gets_along_with_it(shared_host: PracticeHost) -> None:
    def with_fabric() -> tuple[int, str]:
        key = paramiko.Ed25519Key.from_private_key_file(str(shared_host.client_key))
        options = {"pkey": key, "look_for_keys": False, "allow_agent": False}
        with fabric.Connection("127.0.0.1", user="belay", port=shared_host.port, connect_kwargs=options) as connection:
            connection.client.load_host_keys(str(shared_host.known_hosts))
            connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            result = connection.run("ping; exit 4", hide=True, warn=True, in_stream=False)
            return result.exited, result.stdout

    assert await asyncio.to_thread(with_fabric) == (4, "pong from controller-1\n")
