"""`once.sh` itself, in the shells hosts have, without SSH: what it starts, ends, and says of what was killed."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.action import Action, Verb
from executors.once import Answer, Op, Reader, call, new_nonce, preamble
from tests.needs import missing

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}


class HostShell:
    """One shell that was fed the protocol, as the bot keeps it on a channel."""

    def __init__(self, argv: list[str], state_dir: Path) -> None:
        self.state_dir = state_dir
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.send(preamble().encode())

    def send(self, text: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(text)

    def ask(self, op: Op, action: Action, offset: int = 0) -> tuple[Answer, bytes]:
        reader = Reader(nonce=new_nonce())
        self.send(call(op, action, state_dir=str(self.state_dir), nonce=reader.nonce, offset=offset))
        return self.listen(reader)

    def listen(self, reader: Reader) -> tuple[Answer, bytes]:
        assert self.process.stdout
        output = b""
        while reader.answer is None:
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, f"the shell ended; it said {reader.noise!r}"
            output += reader.feed(data)
        return reader.answer, output

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


Shells = Callable[[], HostShell]


@pytest.fixture(params=SHELLS)
def new_shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shells]:
    argv = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        missing(f"{argv[0]} is not installed: `make debs` as root installs it")
    opened: list[HostShell] = []

    def new() -> HostShell:
        opened.append(HostShell(argv, tmp_path / "state"))
        return opened[-1]

    yield new
    for shell in opened:
        shell.close()


def act(script: str, unit: str = "one", timeout_s: float = 10, verb: Verb = Verb.DO, **env: str) -> Action:
    return Action(run_id="R-1", unit=unit, verb=verb, script=script, env=env, timeout_s=timeout_s)


def folder(shell: HostShell, action: Action) -> Path:
    return shell.state_dir / action.run_id / action.key


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def claim_of(shell: HostShell, action: Action) -> list[str]:
    path = folder(shell, action) / "claim"
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), "the claim")
    return path.read_text().split()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def in_background(shell: HostShell, action: Action) -> tuple[threading.Thread, list[tuple[Answer, bytes]]]:
    got: list[tuple[Answer, bytes]] = []
    thread = threading.Thread(target=lambda: got.append(shell.ask(Op.RUN, action)))
    thread.start()
    return thread, got


def test_it_runs_once_and_says_the_same_again(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    action = act(f"echo x >>{tmp_path}/count; printf 'a\\0b'; echo err >&2; exit 7")

    first, output = shell.ask(Op.RUN, action)
    again, later = new_shell().ask(Op.RUN, action, offset=2)

    assert (first.state, first.exit_code, first.position) == ("exit", 7, 7)
    assert output == b"a\0berr\n"
    assert (again.exit_code, later) == (7, b"berr\n")
    assert (tmp_path / "count").read_text() == "x\n"


def test_many_at_once_run_once(new_shell: Shells, tmp_path: Path) -> None:
    action = act(f"echo x >>{tmp_path}/count; sleep 0.2; echo end; exit 3")

    runs = [in_background(new_shell(), action) for _ in range(5)]
    for thread, _ in runs:
        thread.join()

    assert [(got[0][0].exit_code, got[0][1]) for _, got in runs] == [(3, b"end\n")] * 5
    assert (tmp_path / "count").read_text() == "x\n"


def test_attach_takes_the_key_from_every_later_start(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    action = act(f"echo x >>{tmp_path}/count")

    assert shell.ask(Op.ATTACH, action)[0].state == "cancelled"
    assert shell.ask(Op.RUN, action)[0].state == "cancelled"
    assert not (tmp_path / "count").exists()


def test_a_call_that_was_cut_off_starts_nothing(new_shell: Shells, tmp_path: Path) -> None:
    action = act(f"echo x >>{tmp_path}/count; echo 'it''s'")
    whole = call(Op.RUN, action, state_dir=str(tmp_path / "state"), nonce=new_nonce())
    for cut in (len(whole) // 3, len(whole) // 2, len(whole) - 3):
        shell = new_shell()
        shell.send(whole[:cut])
        shell.close()

    assert not (tmp_path / "state" / "R-1").exists()
    assert not (tmp_path / "count").exists()


def test_the_environment_comes_as_it_is(new_shell: Shells, tmp_path: Path) -> None:
    nasty = "a'b\"c $(touch /tmp/x) `id` \\ \n second line é *"
    action = act('printf "%s|%s|%s|%s|%s" "$VALUE" "$BELAY_RUN" "$BELAY_UNIT" "$BELAY_ATTEMPT" "$PWD"', VALUE=nasty)

    _, output = new_shell().ask(Op.RUN, action)

    assert output.decode().split("|")[:4] == [nasty, "R-1", "one", "1"]


def test_the_action_is_as_free_as_over_plain_ssh(new_shell: Shells, tmp_path: Path) -> None:
    """No signal is ignored, the umask is the user's own, stdin is empty and no descriptor leaks."""
    own = os.umask(0o027)
    try:
        shell = new_shell()
    finally:
        os.umask(own)
    script = (
        "grep SigIgn /proc/self/status; umask; cat; ls /proc/$$/fd | tr '\\n' ' '; echo; "
        "read -r p c s pp g sid r </proc/self/stat; [ $$ = $sid ] && echo own session"
    )

    _, output = shell.ask(Op.RUN, act(script))

    lines = output.decode().splitlines()
    here = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigIgn"))
    # HUP, INT, QUIT; a test run under nohup or in the background ignores some of them itself
    assert int(lines[0].split()[1], 16) & ~int(here.split()[1], 16) & 0x7 == 0
    assert lines[1] == "0027"
    assert set(lines[2].split()) - {"3", "10", "255"} == {"0", "1", "2"}  # the shell's own hold on its script
    assert lines[3] == "own session"
    assert shell.state_dir.stat().st_mode & 0o777 == 0o700


def test_time_is_up_on_the_host(new_shell: Shells, tmp_path: Path) -> None:
    action = act("trap 'echo told' TERM; echo $$; sleep 60 & wait; sleep 0.1; exit 9", timeout_s=0.5)
    began = time.monotonic()

    answer, output = new_shell().ask(Op.RUN, action)

    assert (answer.state, answer.exit_code, answer.why) == ("exit", 9, "timeout")
    assert output.endswith(b"told\n")
    assert time.monotonic() - began < 3
    assert not alive(int(output.split()[0]))


def test_time_is_up_although_nobody_listens(new_shell: Shells, tmp_path: Path) -> None:
    """The client is gone, its shell is gone, the supervisor is killed: the host still ends the action."""
    shell = new_shell()
    action = act("sleep 60", timeout_s=1.0)
    shell.send(call(Op.RUN, action, state_dir=str(shell.state_dir), nonce=new_nonce()))
    owner, _, command, *_ = claim_of(shell, action)
    shell.process.kill()
    os.kill(int(owner), signal.SIGKILL)

    wait_for(lambda: not alive(int(command)), "the host to end the action")
    wait_for(lambda: bool(list(folder(shell, action).glob("exit.*"))), "its publication")
    answer, _ = new_shell().ask(Op.ATTACH, action)

    assert (answer.state, answer.exit_code, answer.why) == ("exit", 137, "timeout")


def test_stop_ends_the_whole_tree(new_shell: Shells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A child that ignores TERM, one that left the session, and one that shed its environment end too; then, and only
    then, it is said.
    """
    monkeypatch.setattr("executors.once.GRACE_S", 1.0)
    shell, other = new_shell(), new_shell()
    note = tmp_path / "pids"
    action = act(
        f"(trap '' TERM; echo $$ >>{note}; while :; do sleep 1; done) & setsid sh -c 'echo $$ >>{note}; sleep 61' & "
        f"env -i sleep 62 & echo $! >>{note}; wait",
        timeout_s=30,
    )
    thread, got = in_background(shell, action)
    wait_for(lambda: note.exists() and len(note.read_text().split()) == 3, "the tree")
    began = time.monotonic()

    stopped, _ = other.ask(Op.STOP, action)

    assert 1.0 < time.monotonic() - began < 8
    assert (stopped.state, stopped.why) == ("exit", "killed")
    assert [pid for pid in note.read_text().split() if alive(int(pid))] == []
    thread.join()
    assert got[0][0].why == "killed"
    assert new_shell().ask(Op.ATTACH, action)[0].why == "killed"


def test_stop_leaves_what_had_ended_alone(new_shell: Shells, tmp_path: Path) -> None:
    """A service that an ended action started is the action's result, not a part of it."""
    shell = new_shell()
    action = act(f"setsid sleep 63 & echo $! >{tmp_path}/pid; exit 5")
    shell.ask(Op.RUN, action)
    service = int((tmp_path / "pid").read_text())
    try:
        answer, _ = shell.ask(Op.STOP, action)

        assert (answer.state, answer.exit_code, answer.why) == ("exit", 5, "exit")
        assert alive(service)
    finally:
        os.kill(service, signal.SIGKILL)


def test_a_killed_supervisor_is_said_with_what_still_lives(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    action = act("echo begun; sleep 64", timeout_s=60)
    thread, got = in_background(shell, action)
    owner, _, command, *_ = claim_of(shell, action)
    os.kill(int(owner), signal.SIGKILL)
    thread.join()

    assert (got[0][0].state, got[0][1]) == ("orphan", b"begun\n")
    stopped, _ = shell.ask(Op.STOP, action)
    assert (stopped.state, stopped.exit_code, stopped.why) == ("exit", 137, "killed")
    assert not alive(int(command))


def test_supervisor_and_command_killed_is_lost(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    action = act(f"sleep 65 & echo $! >{tmp_path}/child; echo x >>{tmp_path}/count; wait", timeout_s=60)
    thread, got = in_background(shell, action)
    owner, _, command, *_ = claim_of(shell, action)
    wait_for(lambda: (tmp_path / "count").exists() and bool((tmp_path / "count").read_text()), "the action")
    os.kill(int(owner), signal.SIGKILL)
    os.kill(int(command), signal.SIGKILL)
    thread.join()

    assert got[0][0].state in ("lost", "orphan")  # it may be asked between the two kills
    assert shell.ask(Op.RUN, action)[0].state == "lost"
    child = int((tmp_path / "child").read_text())
    assert alive(child)
    assert shell.ask(Op.STOP, action)[0].state == "lost"  # its ending stays unknown, what it left is ended
    assert not alive(child)
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_supervisor_killed_before_the_claim_proves_that_nothing_ran(new_shell: Shells, tmp_path: Path) -> None:
    """Its child was stopped on its way to the claim; whatever it does later, it does not act."""
    shell = new_shell()
    action = act(f"echo x >>{tmp_path}/count")
    # the child of the supervisor hangs where it would look itself up, until the pipe is opened for writing
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    shell.send(
        f"once_become() {{ read -r x <{pipe}; once_self; once_now; ".encode()
        + b'once_take "$sup $sup_born $me $born $boot $mark $now" || exit; exec sh "$dir/script.$mark"; }\n'
    )
    thread, got = in_background(shell, action)
    script = folder(shell, action)
    wait_for(lambda: bool(list(script.glob("script.*"))) and _children(shell.process.pid) != [], "the supervisor")
    wait_for(lambda: _holder_of(pipe, shell.process.pid) != 0, "the child at the pipe")
    child = _holder_of(pipe, shell.process.pid)
    supervisor = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (supervisor, *(p for p in _children(supervisor) if p != child)):
        os.kill(pid, signal.SIGKILL)
    thread.join(10)
    with pipe.open("w") as writer:
        writer.write("go\n")
    wait_for(lambda: not alive(child), "the child's end")

    assert got[0][0].state == "cancelled"
    assert not (tmp_path / "count").exists()


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _holder_of(_pipe: Path, shell: int) -> int:
    """The grandchild of *shell* that blocks in opening the pipe (it has no children of its own)."""
    for supervisor in _children(shell):
        for child in _children(supervisor):
            try:
                if Path(f"/proc/{child}/wchan").read_text() in ("wait_for_partner", "fifo_open"):
                    return child
            except OSError:
                continue
    return 0


def test_after_a_reboot_nothing_is_claimed_to_be_known(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    ended, begun, fresh = act("exit 6", "ended"), act("sleep 66", "begun", timeout_s=60), act("exit 0", "fresh")
    shell.ask(Op.RUN, ended)
    thread, _ = in_background(shell, begun)
    claim_of(shell, begun)
    shell_two = new_shell()
    shell_two.send(b"boot=another-boot\n")

    assert shell_two.ask(Op.ATTACH, ended)[0].exit_code == 6
    lost, _ = shell_two.ask(Op.ATTACH, begun)
    assert (lost.state, lost.why, lost.boot_now) == ("lost", "rebooted", "another-boot")
    assert lost.boot_then not in ("-", "another-boot")
    # its claim may have been lost with the power: no proof that it never ran, now or later
    assert shell_two.ask(Op.ATTACH, fresh)[0].state == "lost"
    assert shell_two.ask(Op.RUN, fresh)[0].state == "lost"

    new_shell().ask(Op.STOP, begun)
    thread.join()


def test_a_look_keeps_no_trace_and_no_process(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    quick, _ = shell.ask(Op.LOOK, act("exit 5", verb=Verb.PROBE))
    began = time.monotonic()
    slow, output = shell.ask(Op.LOOK, act("echo $$; sleep 67; sleep 68", timeout_s=0.3, verb=Verb.PROBE))

    assert (quick.state, quick.exit_code, quick.why) == ("looked", 5, "-")
    assert (slow.state, slow.why) == ("looked", "timeout")
    assert time.monotonic() - began < 5
    wait_for(lambda: not alive(int(output)), "the look's end")
    assert not shell.state_dir.exists()


def quiet(*argv: str) -> int:
    return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or quiet("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)):
        pytest.skip("needs root and mount(2) for a small disk")
    yield disk
    wait_for(lambda: not quiet("umount", str(disk)), "the last to leave")


def test_a_full_disk_starts_nothing(small_disk: Path, new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    shell.state_dir = small_disk / "state"
    shell.ask(Op.RUN, act("exit 0", "before"))
    ballast = small_disk / "ballast"
    quiet("dd", "if=/dev/zero", f"of={ballast}")
    full, _ = shell.ask(Op.RUN, act(f"echo x >>{tmp_path}/count", "full"))
    ballast.unlink()
    after, _ = shell.ask(Op.RUN, act(f"echo x >>{tmp_path}/count", "full"))

    assert full.state == "notready"
    assert (after.state, after.exit_code) == ("exit", 0)
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_disk_that_fills_up_meanwhile_loses_no_ending(small_disk: Path, new_shell: Shells) -> None:
    shell = new_shell()
    shell.state_dir = small_disk / "state"

    answer, _ = shell.ask(Op.RUN, act(f"cat /dev/zero >{small_disk}/ballast; exit 8"))

    assert (answer.state, answer.exit_code) == ("exit", 8)


def test_a_state_dir_that_cannot_be_made_is_said(new_shell: Shells, tmp_path: Path) -> None:
    shell = new_shell()
    (tmp_path / "file").write_text("")
    shell.state_dir = tmp_path / "file" / "state"

    for op in (Op.RUN, Op.ATTACH, Op.STOP):
        answer, _ = shell.ask(op, act("exit 0"))
        assert answer.state == "notready"
        assert "irectory" in answer.why
