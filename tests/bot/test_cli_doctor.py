"""The doctor against real SSH servers, a real database file and the local workspace: well, and each thing ill."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from bot import doctor
from bot.__main__ import main
from bot.doctor import Finding, judge_host
from bot.settings import Settings
from bot.slack_doctor import SCOPES, look_at_slack
from bot.stage import practice_world
from core.target import Host, Target
from sandbox.hosts.build import lone_host
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import free_ports
from sandbox.hosts.serve import USER
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from sandbox.workspace.server import Workspace
from sandbox.workspace.world import default_world

HOST = Host(name="c1", address="c1.example", state_dir="/var/lib/belay")
ROSTER = """\
people:
  ana: {name: Ana, accounts: [T1/U1], may: [request, operate]}
  bo: {name: Bo, accounts: [T1/U2], may: [approve]}
  cy: {name: Cy, accounts: [T1/U3], may: [approve]}
"""


def settings(home: Path, **changes: object) -> Settings:
    values: dict[str, object] = {"config": home / "config", "data": home / "data", "database_url": "", **changes}
    return Settings(**values)  # type: ignore[arg-type]  # pydantic reads them


# hosts


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[PracticeHost]:
    async with lone_host(tmp_path) as host:
        yield host


def as_target(practice: PracticeHost, **changes: object) -> Target:
    host = Host(
        name="c1",
        address="127.0.0.1",
        port=practice.port,
        user=USER,
        host_key=practice.host_key,
        state_dir=str(practice.directory / "var" / "belay"),
    )
    return Target(id="east", system="practice", hosts=(replace(host, **changes),), roles={})  # type: ignore[arg-type]  # named as in Host


async def look(practice: PracticeHost, tmp_path: Path, **changes: object) -> Finding:
    where = settings(tmp_path, identity_files=[practice.client_key], ssh_config=Path(os.devnull))
    target = as_target(practice, **changes)
    found = [each async for findings in doctor.look_at_hosts(where, [target]) for each in findings]
    assert len(found) == 1
    return found[0]


async def test_a_host_that_is_well(practice: PracticeHost, tmp_path: Path) -> None:
    found = await look(practice, tmp_path)
    assert found.ok, str(found)
    assert "key accepted" in found.found
    assert "clock within 1 s" in found.found


async def test_a_state_folder_that_cannot_be_made(practice: PracticeHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    found = await look(practice, tmp_path, state_dir=f"{tmp_path}/file/belay")
    assert not found.ok
    assert f"{tmp_path}/file/belay cannot be made: not writable: {tmp_path}/file" in found.found
    assert "install -d" in found.mend


async def test_another_host_key(practice: PracticeHost, tmp_path: Path) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "E" * 42 + "A"
    found = await look(practice, tmp_path, host_key=other)
    assert not found.ok
    assert "host key" in found.mend


async def test_a_host_that_is_off(practice: PracticeHost, tmp_path: Path) -> None:
    found = await look(practice, tmp_path, port=free_ports(1)[0])
    assert not found.ok
    assert "see that it is up" in found.mend


@pytest.mark.parametrize(
    ("stdout", "ok", "says"),
    [
        ("1000\nwritable\nbelay\n", True, "reachable as belay, key accepted, /var/lib/belay usable, clock within 1 s"),
        ("1029\nwritable\nbelay\n", True, "clock within 29 s"),
        ("1031\nwritable\nbelay\n", False, "its clock is +31 s off"),
        ("900\nwritable\nbelay\n", False, "its clock is -100 s off"),
        ("1000\nnot writable: /var/lib\nbelay\n", False, "/var/lib/belay cannot be made: not writable: /var/lib"),
        ("Welcome to c1!\n1000\nwritable\nbelay\n", False, "answered something else: 'Welcome"),
        ("", False, "answered something else"),
    ],
)
def test_a_hosts_answer_is_judged(stdout: str, ok: bool, says: str) -> None:
    found = judge_host("host", HOST, stdout, middle=1000.0)
    assert found.ok is ok
    assert says in found.found
    assert bool(found.mend) is not ok


# files and database


def test_files_are_read_each_by_itself(tmp_path: Path) -> None:
    config = tmp_path / "config"
    (config / "plans").mkdir(parents=True)
    (config / "roster.yaml").write_text(ROSTER, encoding="utf-8")
    (config / "plans" / "bad.yaml").write_text("id: [\n", encoding="utf-8")
    files = doctor.read_files(settings(tmp_path))
    ill = {each.what for each in files.findings if not each.ok}
    assert ill == {"targets file", "plan"}
    assert files.config is None


def test_a_target_without_a_plan_or_with_too_few_approvers(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    one = "{{system: {0}, hosts: {{c1: {{address: c1}}}}, roles: {{controller: [c1]}}}}"
    targets = f"targets:\n  east: {one.format('practice')}\n  west: {one.format('practise')}\n"
    (config / "targets.yaml").write_text(targets, encoding="utf-8")
    (config / "roster.yaml").write_text(ROSTER.replace("[approve]", "[request]"), encoding="utf-8")
    found = {each.what: each for each in doctor.read_files(settings(tmp_path)).findings}
    assert found["targets file"].ok, str(found["targets file"])
    assert "0 may approve" in found["roster file"].found
    assert "approvals are needed, 0 may approve" in found["target east"].found
    assert "no plan is for 'practise'" in found["target west"].found


async def test_the_database_takes_a_write_or_says_why(tmp_path: Path) -> None:
    assert (await doctor.look_at_database(settings(tmp_path))).ok
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    found = await doctor.look_at_database(settings(tmp_path, data=tmp_path / "file"))
    assert not found.ok
    assert "BELAY_DATA" in found.mend


# Slack


def slack(tmp_path: Path, workspace: Workspace, **changes: object) -> Settings:
    tokens: dict[str, object] = {
        "slack_bot_token": SecretStr(workspace.bot_token),
        "slack_app_token": SecretStr(workspace.app_token),
        "slack_signing_secret": SecretStr(""),
        "slack_api_url": workspace.api_url,
    }
    return settings(tmp_path, **{**tokens, **changes})


async def test_slack_is_well(tmp_path: Path) -> None:
    async with Workspace.serve() as workspace:
        found = await look_at_slack(slack(tmp_path, workspace))
    assert [each.what for each in found] == ["Slack bot token", "Slack scopes", "Slack app token"]
    assert all(each.ok for each in found), "\n".join(map(str, found))
    assert workspace.bot_user_id in found[0].found


async def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    world = default_world()
    world = replace(world, app=replace(world.app, scopes=tuple(SCOPES - {"files:write"})))
    async with Workspace.serve(world) as workspace:
        found = await look_at_slack(slack(tmp_path, workspace))
    assert [each.found for each in found if not each.ok] == ["missing: files:write"]


async def test_wrong_tokens_are_told_apart(tmp_path: Path) -> None:
    async with Workspace.serve() as workspace:
        where = slack(
            tmp_path, workspace, slack_bot_token=SecretStr("xoxb-wrong"), slack_app_token=SecretStr("xapp-wrong")
        )
        found = await look_at_slack(where)
    assert [(each.what, each.ok) for each in found] == [("Slack bot token", False), ("Slack app token", False)]
    assert "invalid_auth" in found[0].found
    assert "wrong" not in "".join(map(str, found))


async def test_a_slack_that_does_not_answer(tmp_path: Path) -> None:
    async with Workspace.serve() as workspace:
        where = slack(tmp_path, workspace)
    found = await look_at_slack(where)
    assert not any(each.ok for each in found)
    assert "does not answer" in found[0].found


async def test_no_token_and_http_mode(tmp_path: Path) -> None:
    async with Workspace.serve() as workspace:
        none = await look_at_slack(slack(tmp_path, workspace, slack_bot_token=SecretStr("")))
        http = await look_at_slack(
            slack(tmp_path, workspace, slack_app_token=SecretStr(""), slack_signing_secret=SecretStr("shh"))
        )
        neither = await look_at_slack(slack(tmp_path, workspace, slack_app_token=SecretStr("")))
    assert "SLACK_BOT_TOKEN is not set" in none[0].found
    assert http[-1].ok
    assert "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET" in neither[-1].found


def test_the_scopes_are_those_of_the_workspace_and_the_manifest() -> None:
    assert set(practice_world().app.scopes) == SCOPES
    for path in (Path(__file__).parents[2] / "deploy").glob("*manifest*"):
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert set(manifest["oauth_config"]["scopes"]["bot"]) == SCOPES


# the verbs, on a whole practice world


async def test_lines_against_live_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def belay(*words: str) -> tuple[int, str]:
        """Run one line in a thread, where it has an event loop of its own, as it has in a shell."""
        status = await asyncio.to_thread(main, words)
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    config = tmp_path / "config"
    config.mkdir()
    (config / "roster.yaml").write_text(ROSTER, encoding="utf-8")
    async with World.broken(SYSTEM, SYSTEM.scenario("reversible"), tmp_path / "hosts") as world:
        (config / "targets.yaml").write_text(world.targets_yaml(), encoding="utf-8")
        target = next(iter(world.inventory()["targets"]))
        monkeypatch.setenv("BELAY_CONFIG", str(config))
        monkeypatch.setenv("BELAY_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("BELAY_SSH_CONFIG", os.devnull)
        monkeypatch.setenv("BELAY_IDENTITY_FILES", f'["{world.client_key}"]')
        monkeypatch.setenv("SLACK_BOT_TOKEN", "")
        status, shown = await belay("doctor", "files", "database", "hosts")
        assert (status, "All is well." in shown) == (0, True), shown
        status, shown = await belay("doctor", "slack")
        assert (status, "SLACK_BOT_TOKEN is not set" in shown) == (1, True), shown
        snapshot = world.ledger.snapshots["database"]
        line = ["snapshot", target, snapshot.name, "--kind", snapshot.kind, "--place", snapshot.place, "--as", "ana"]
        line += ["--sha256", snapshot.sha256, "--host", snapshot.host, "--engine-version", snapshot.engine_version]
        assert (await belay(*line))[0] == 0
        baseline = [f"{fact}={value}" for fact, value in world.ledger.baseline.items()]
        status, shown = await belay("baseline", "record", target, *baseline, "--as", "ana")
        assert status == 0, shown
        status, shown = await belay("preview", target, "newton")
        assert status == 0, shown
        assert "REVERSIBLE" in shown
        status, shown = await belay("mark", target, "compute-upgraded", "--as", "ana")
        assert (status, "That is a point of no return" in shown) == (0, True), shown
        status, shown = await belay("status", target)
        assert (status, "CROSSED, there is no way back" in shown) == (0, True), shown
