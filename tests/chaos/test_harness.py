"""The chaos harness works: it finds nothing in the bot as it is, and notices each safeguard that is taken out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.control import CONTROLS, Control

PROJECT = Path(__file__).parents[2]
#: Seconds; on an idle machine all of it takes some forty.
PATIENCE_S = 300


def chaos(*words: str) -> subprocess.CompletedProcess[str]:
    """The harness forks, so it is not run in the process of the tests, which has threads."""
    return subprocess.run(
        [sys.executable, "-m", "chaos", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S - 10,
        check=False,
    )


#: What the harness found, as it found it. Each failed before the change that is named.
SEEDS = {
    "chat@after slack: chat.postMessage": "a second board, when the bot was back within 10 s",
    "chat@after slack: files.completeUploadExternal": "the report a second time",
    "links:39364905": "a deaf link passed for alive, and was kept for every later call",
}


@pytest.fixture(scope="module")
def told() -> str:
    """Every control trial and every seed, in one process: starting one costs more than a trial."""
    done = chaos("--control", "--replay", *SEEDS)
    return done.stdout + done.stderr


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.weaken)
def test_taking_a_safeguard_out_is_noticed(told: str, control: Control) -> None:
    assert f"noticed  {control.weaken}:" in told, told


@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_found_once_is_not_found_again(told: str, seed: str) -> None:
    assert f"{seed}: clean" in told, told


@pytest.mark.timeout(PATIENCE_S)
def test_a_few_kills_and_broken_links_leave_no_trace(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"

    done = chaos(
        *("--database", "sqlite", "--points", "none", "--only", "relay", "--grounds", "2"),
        *("--faults", "8", "--kills", "8", "--minutes", "3", "--json", str(figures)),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    [found] = json.loads(figures.read_text())
    assert found["kills"] >= 8
    assert found["different_points_killed_at"] >= 4
    assert found["actions_run_twice"] == found["lost_outcomes"] == found["stuck_without_a_person_asked"] == 0
