"""Lines of the command line: help, words that are not understood, exit statuses. No target is touched."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.cli import environment, parse
from bot.cli_chat import SHARED, in_terminal
from bot.cli_record import _moment
from commands import ALL
from tests.bot.world import plan_data

SHA = "ab" * 32
BASELINE = {"id": "release", "role": "controller", "argv": ["release"], "timeout_s": 1}
VERBS = [
    *(
        "serve",
        "demo",
        "drill",
        "version",
        "snapshot",
        "baseline",
        "upgrade",
        "freeze",
        "thaw",
        "lint",
        "audit",
        "explain",
    ),
    *("doctor", *SHARED),
]
ROSTER = "people:\n  ana: {name: Ana, accounts: [T1/U1], may: [request, operate]}\n"
TARGETS = """\
targets:
  prod-east:
    system: practice
    hosts: {c1: {address: 127.0.0.1, port: 9}}
    roles: {controller: [c1]}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's files in a folder of their own, and nothing else in the environment."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "targets.yaml").write_text(TARGETS, encoding="utf-8")
    (folder / "roster.yaml").write_text(ROSTER, encoding="utf-8")
    monkeypatch.setenv("BELAY_CONFIG", str(folder))
    monkeypatch.setenv("BELAY_DATA", str(tmp_path / "data"))
    for name in ("BELAY_DATABASE_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return folder


def status_of(*words: str) -> int:
    """The exit status, whether argparse leaves or `main` returns."""
    try:
        return main(words)
    except SystemExit as left:
        return int(str(left.code or 0))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: belay {verb}")
    assert len(shown) > 100


def test_the_overview_names_verbs_variables_and_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("--help") == 0
    shown = capsys.readouterr().out
    for word in (*VERBS, "BELAY_CONFIG", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "exit status: 0 done; 1 refused"):
        assert word in shown


@pytest.mark.parametrize(("line", "shows"), [("help", "verbs:"), ("help mark", "usage: belay mark")])
def test_help_is_a_verb_too(line: str, shows: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(*line.split()) == 0
    assert shows in capsys.readouterr().out


def test_secrets_are_not_shown_in_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-very-secret")
    assert "very-secret" not in environment()
    assert "***" not in environment()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("statsu", "no verb 'statsu'; did you mean 'status'?"),
        ("approve R-17", "done in chat"),
        ("start", "done in chat"),
        ("status --nonsense", "--nonsense"),
        ("demo --port 70000", "should be a port from 0 to 65535"),
        ("drill", "PLAN"),
        ("status a b", "'b' is one word too many"),
        ("snapshot prod-east db --kind dump --place /x --sha256 beef", "should be 64 hexadecimal digits"),
        (f"snapshot prod-east two|words --kind dump --place /x --sha256 {SHA}", "should be one word"),
        (f"snapshot prod-east db --kind dump --place /x --sha256 {SHA} --taken-at yesterday", "a time with its zone"),
        (f"snapshot prod-east db --kind dump --place /x --sha256 {SHA} --taken-at 2026-04-12", "a time with its zone"),
        ("baseline record prod-east schema", "should be FACT=VALUE"),
        ("baseline forget prod-east a=b", "forget"),
        ("upgrade hop prod-east --to ocata", "--from"),
        ("upgrade begin prod-east --from newton", "--to"),
        ("audit verify --expect 7", "should be N:HASH"),
        ("freeze", "--reason"),
    ],
)
def test_a_line_that_is_not_understood(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(*line.split()) == 2
    assert says in capsys.readouterr().err


def test_no_abbreviations() -> None:
    assert status_of("demo", "--li") == 2


def test_nothing_typed_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of() == 2
    assert "verbs:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("status nowhere", "no target 'nowhere'"),
        ("plans prod-esat", "no target 'prod-esat'; did you mean 'prod-east'?"),
        ("report", "no run is active"),
        ("status R-99", "R-99"),
        ("mark prod-east edpm-started", "say who records this: --as PERSON; the roster has: ana"),
        ("mark prod-east edpm-started --as anna", "no person 'anna' on the roster; did you mean 'ana'?"),
        ("mark prod-east --as ana", "a word is missing"),
        ("status prod\u202eeast", "U+202E"),
        ("doctor host", "no part 'host'; did you mean 'hosts'?"),
        ("serve", "SLACK_BOT_TOKEN is not set"),
        ("demo --scenario reversibel", "did you mean 'reversible'?"),
    ],
)
def test_a_refusal_is_one_line_and_status_1(
    config: Path, line: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "nobody-here")
    assert status_of(*line.split()) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("belay: ")
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_a_missing_file_is_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / "targets.yaml").unlink()
    assert status_of("targets") == 1
    assert "targets.yaml: is missing" in capsys.readouterr().err


def test_a_bad_setting_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BELAY_LISTEN_PORT", "many")
    assert status_of("targets") == 1
    assert "listen_port" in capsys.readouterr().err.lower()


def test_looks_and_records_end_to_end(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is recorded is there for the next line, and the audit has all of it."""
    for line in (
        "upgrade begin prod-east --from newton --to ocata --as ana",
        f"snapshot prod-east db --kind dump --place /b.sql --sha256 {SHA} --taken-at 2026-04-12T02:00Z --as ana",
        "upgrade hop prod-east --from newton --to mitaka --snapshot db --as ana",
        "upgrade hop-done prod-east --to mitaka --as ana",
        "baseline record prod-east schema=317 --as ana",
        "mark prod-east compute-upgraded --as ana --evidence job-4711",
    ):
        assert status_of(*line.split()) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert "Ana recorded compute-upgraded on prod-east (job-4711)." in shown
    assert "prod-east is on mitaka; its hops: newton → mitaka" in shown
    assert status_of("status", "prod-east") == 0
    assert "- hops: newton → mitaka done" in capsys.readouterr().out
    assert status_of("targets") == 0
    assert "prod-east" in capsys.readouterr().out
    assert status_of("audit", "verify") == 0
    assert "the audit is whole" in capsys.readouterr().out
    assert status_of("audit", "verify", "--expect", f"1:{'0' * 64}") == 1
    assert "not the one that was published" in capsys.readouterr().err


def test_a_baseline_is_shown_and_a_silent_host_is_no_equality(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Port 9 of this machine answers nobody."""
    (config / "plans").mkdir()
    (config / "plans" / "old.yaml").write_text(
        json.dumps(plan_data(system="practice", baselines=[BASELINE])), encoding="utf-8"
    )
    assert status_of(*["baseline", "show", "prod-east"]) == 0
    assert "belay baseline capture prod-east PLAN" in capsys.readouterr().out
    assert status_of(*["baseline", "record", "prod-east", "release@c1=newton", "zone=a", "--as", "ana"]) == 0
    assert status_of(*["baseline", "show", "prod-east"]) == 0
    assert "release@c1 = newton\nzone = a" in capsys.readouterr().out
    assert status_of(*["baseline", "compare", "prod-east", "old"]) == 1
    assert "release@c1: cannot be asked now: " in capsys.readouterr().out
    assert status_of(*["baseline", "capture", "prod-east", "old", "--as", "ana"]) == 1
    assert "nothing was recorded: 1 of 1 facts cannot be captured" in capsys.readouterr().err


def test_a_plan_is_explained_by_name_by_file_and_for_a_target(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("newton",), (str(Path(__file__).parents[2] / "plans" / "practice" / "newton.yaml"),)):
        assert status_of("explain", *words) == 0
        assert capsys.readouterr().out.startswith("# Ocata back to Newton\n\n## What it undoes")
    assert status_of("explain", "newton", "--target", "prod-east") == 0
    assert "| `controller` | c1 |" in capsys.readouterr().out
    assert status_of("explain", "newtn") == 1
    assert "did you mean 'newton'?" in capsys.readouterr().err


def test_freeze_and_thaw(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("freeze", "--reason", "datacentre on fire", "--as", "ana") == 0
    assert status_of("thaw", "--as", "ana") == 0
    assert "Belay acts again" in capsys.readouterr().out


def test_the_user_of_the_system_is_taken_if_the_roster_has_it(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    assert status_of("mark", "prod-east", "seen") == 0
    assert "No plan reads this checkpoint" in capsys.readouterr().out


def test_lint_reads_files_and_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shipped = Path(__file__).parents[2] / "plans"
    assert status_of("lint", str(shipped)) == 0
    assert "no problem" in capsys.readouterr().out
    bad = tmp_path / "bad.yaml"
    bad.write_text("id: x\nversion: '1'\nsteps: [\n", encoding="utf-8")
    assert status_of("lint", str(shipped), str(tmp_path), str(tmp_path / "nothing")) == 1
    shown = capsys.readouterr()
    assert f"{bad}:" in shown.err
    assert "there is no such file or folder" in shown.err


def test_lint_reads_what_the_bot_would_load(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("lint") == 0
    (config / "roster.yaml").write_text("people:\n  ana: {nam: Ana}\n", encoding="utf-8")
    assert status_of("lint") == 1
    assert "roster.yaml:2" in capsys.readouterr().err


def test_light_markdown_in_a_terminal() -> None:
    text = "*R-17*: `status` says; `/rollback status R-17`, then `/rollback approve R-17`"
    plain = in_terminal(text, colour=False)
    assert plain == "R-17: status says; belay status R-17, then /rollback approve R-17"
    assert "\x1b[1mR-17\x1b[0m" in in_terminal(text, colour=True)


def test_every_shared_verb_is_a_chat_verb() -> None:
    assert set(SHARED) <= {command.name for command in ALL}
    assert {command.name for command in ALL if command.offline} <= {*SHARED, "help"}


def test_moments_come_out_in_utc() -> None:
    assert _moment("2026-04-12T04:00+02:00").isoformat() == "2026-04-12T02:00:00+00:00"
    with pytest.raises(argparse.ArgumentTypeError):
        _moment("2026-04-12T04:00")


def test_options_that_repeat() -> None:
    args = parse(["preview", "t", "--accept-unknown", "a=b c", "--accept-unknown", "d=e"])
    assert getattr(args, "option_accept-unknown") == ["a=b c", "d=e"]


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_program_itself() -> None:
    version = run("version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("belay ")
    assert run("nonsense").returncode == 2


def test_ctrl_c_ends_it_at_once(config: Path) -> None:
    """A host that accepts and then says nothing keeps a thread waiting; Ctrl-C does not wait for that."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        hosts = f"{{c1: {{address: 127.0.0.1, port: {silent.getsockname()[1]}}}}}"
        targets = TARGETS.replace("{c1: {address: 127.0.0.1, port: 9}}", hosts)
        (config / "targets.yaml").write_text(targets, encoding="utf-8")
        line = [sys.executable, "-m", "bot", "doctor", "hosts"]
        environment = {**os.environ, "BELAY_SSH_CONFIG": os.devnull}
        with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment) as process:
            connection, _ = silent.accept()
            with connection:
                sent = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, shown = process.communicate(timeout=30)
                assert (process.returncode, shown) == (130, "belay: interrupted\n")
                assert time.monotonic() - sent < 5


def test_a_reader_that_goes_away_is_no_error() -> None:
    line = [sys.executable, "-c", "import bot.__main__ as m, sys; sys.exit(m.main(['demo', '--list']))"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 141
