"""The client's half of the host protocol: what it says to a shell, what it reads from a stream."""

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.action import Action, Ended, Lost, NeverRan, Output, Verb
from core.errors import HostNotReadyError, OutcomeLostError, PlanError
from executors.once import Answer, Op, Reader, call, preamble, verdict_of
from tests.needs import missing

NONCE = "0123456789abcdef0123456789abcdef"
BEGIN = f"\1{NONCE} begin\n".encode()
END = f"\1{NONCE} exit 3 exit 120 7 boot-a boot-b\n".encode()


def act(*argv: str, **changes: object) -> Action:
    values = {"run_id": "R-1", "unit": "one@web1", "verb": Verb.DO, "argv": argv, "timeout_s": 5, **changes}
    return Action(**values)  # type: ignore[arg-type]  # the values' types are the test's business


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(noise=st.binary(), output=st.binary(), cuts=st.lists(st.integers(min_value=0), max_size=8))
def test_output_comes_whole_however_the_stream_is_cut(noise: bytes, output: bytes, cuts: list[int]) -> None:
    reader = Reader(nonce=NONCE)

    got = b"".join(reader.feed(piece) for piece in in_pieces(noise + BEGIN + output + END, cuts))

    assert got == output
    assert reader.answer == Answer(
        state="exit", exit_code=3, why="exit", duration_s=1.2, position=7, boot_now="boot-a", boot_then="boot-b"
    )


def test_a_line_is_not_held_back_until_the_next() -> None:
    reader = Reader(nonce=NONCE)
    reader.feed(BEGIN)

    assert reader.feed(b"half a li") == b"half a li"
    assert reader.feed(b"ne\n") == b"ne\n"


def test_only_the_nonce_makes_a_verdict() -> None:
    reader = Reader(nonce=NONCE)
    forged = b"\1" + b"f" * 32 + b" exit 0 exit 1 0 - -\n" + NONCE.encode() + b" exit 0 exit 1 0 - -\n"

    assert reader.feed(BEGIN + forged) == forged
    assert reader.answer is None


def test_a_line_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(ValueError, match="unpack"):
        Reader(nonce=NONCE).feed(BEGIN + f"\1{NONCE} exit three\n".encode())


@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    name=st.from_regex(r"\A[A-Z_]{1,8}\Z"),
)
def test_no_value_becomes_shell_syntax(text: str, name: str) -> None:
    """A real shell reads the call back as the very words that went in."""
    words = act("echo", text, env={f"V{name}": text})
    said = call(Op.RUN, words, state_dir="/s", nonce=NONCE)
    shell = f'once_run() {{ eval "set -- $words"; eval "$vars"; printf "%s|%s" "$2" "$V{name}"; }}\n'.encode()

    echoed = subprocess.run(["sh"], input=shell + said, check=True, capture_output=True).stdout

    assert echoed == f"{text}|{text}".encode()


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (act(), "either argv or a script"),
        (act("true", script="true"), "either argv or a script"),
        (act("a\0b"), "NUL"),
        (act("true", env={"A": "\0"}), "NUL"),
        (act("true", env={"A B": "x"}), "letters, digits"),
        (act("true", run_id="../up"), "run"),
    ],
)
def test_what_no_shell_can_take_is_refused(action: Action, problem: str) -> None:
    with pytest.raises(PlanError, match=problem):
        call(Op.RUN, action, state_dir="/s", nonce=NONCE)


def test_a_state_dir_is_absolute_and_a_look_is_short() -> None:
    with pytest.raises(PlanError, match="absolute"):
        call(Op.RUN, act("true"), state_dir="state", nonce=NONCE)
    with pytest.raises(PlanError, match="longer"):
        call(Op.LOOK, act("echo", "x" * 200_000), state_dir="/s", nonce=NONCE)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_the_preamble_is_good_in_every_shell(shell: str) -> None:
    if not shutil.which(shell):
        missing(f"{shell} is not installed: `make debs` as root installs it")
    argv = [shell, "sh", "-n"] if shell == "busybox" else [shell, "-n"]
    checked = subprocess.run(argv, input=preamble().encode(), capture_output=True, check=True)

    assert checked.stderr == b""


OUTPUT = Output(head="x", size=1)


def answer(state: str, why: str = "-") -> Answer:
    return Answer(state=state, exit_code=3, why=why, duration_s=1.5)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (answer("exit", "exit"), Ended(exit_code=3, output=OUTPUT, duration_s=1.5)),
        (answer("exit", "timeout"), Ended(exit_code=3, output=OUTPUT, timed_out=True, duration_s=1.5)),
        (answer("exit", "killed"), Ended(exit_code=3, output=OUTPUT, killed=True, duration_s=1.5)),
        (answer("cancelled"), NeverRan(reason="X had not started, and its key is spent on the host")),
        (
            answer("lost", "rebooted"),
            Lost(reason="X may have begun and its end is not known: the host has rebooted since", output=OUTPUT),
        ),
    ],
)
def test_the_hosts_words_as_verdicts(said: Answer, verdict: object) -> None:
    assert verdict_of(said, OUTPUT, where="X") == verdict


def test_an_orphan_is_lost_and_alive() -> None:
    verdict = verdict_of(answer("orphan", "supervisor-died"), OUTPUT, where="X")

    assert isinstance(verdict, Lost)
    assert verdict.still_alive


@pytest.mark.parametrize(
    ("state", "error"), [("notready", HostNotReadyError), ("alive", OutcomeLostError), ("new-word", OutcomeLostError)]
)
def test_what_is_no_verdict_is_an_error(state: str, error: type[Exception]) -> None:
    assert isinstance(verdict_of(answer(state, "mkdir:_No_space"), OUTPUT, where="X"), error)
