"""`belay explain`: a page that holds every command of its plan, says why it is safe, and cannot be out of date."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.explain import Site, explain
from bot.explain_steps import command_line
from core.plan import Command, Plan
from core.plan_checks import commands
from core.reader import build_plan
from store.plan_files import load_plans, read_plan
from tests.core.fleet_making import ITEMS, OVER
from tests.core.making import look, make_plan, plan_data

ROOT = Path(__file__).parents[2]
PLANS = [*load_plans(ROOT / "plans")[0].values(), read_plan(ROOT / "docs" / "plan-format.yaml").plan]


def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("explain_pages", ROOT / "tools" / "explain_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "plans").glob("*.md")), ids=lambda path: path.stem)
def test_the_pages_are_up_to_date(path: Path) -> None:
    """If this fails: `make pages`, and look at what changed."""
    text = path.read_text(encoding="utf-8")

    assert text == pages().refreshed(text)


def test_a_page_that_shows_no_plan_is_an_error() -> None:
    with pytest.raises(SystemExit, match="has no '<!-- belay explain ID -->'"):
        pages().refreshed("# A page\n")


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_every_command_and_every_time_out_is_shown(plan: Plan) -> None:
    page = explain(plan)

    for where, command, _ in commands(plan):
        shown = command_line(command, {}) if command.script is None else command.script.strip()
        assert shown in page.replace("\\|", "|"), where
    for step in plan.steps:
        assert (step.title or step.id) in page
        assert step.confirm in page
        assert not step.loses or step.loses in page


def test_what_a_person_may_do_when_a_step_fails() -> None:
    changes: dict[str, Any] = {
        "stop": {"idempotent": True, "retries": 2, "max_failures": 1, "probe": look("svc", "state")},
        "restore": {"confirm": "restore it", "abort_point": "nothing is lost yet", "keeps": "Restore log"},
        "start": {"on_failure": "continue", "when": {"fact": "ha"}},
    }
    steps = re.split(r"^### \d\. ", explain(make_plan(changes)), flags=re.MULTILINE)

    assert "tried again 2 times by itself; then up to 1 may fail; after that the run stops" in steps[1]
    assert "or `abort` (undo what was done" in steps[1]
    assert "is settled by its probe" in steps[1]
    assert "- before it a person types `restore it`" in steps[2]
    assert "- an abort point: stopping before it is safe, for nothing is lost yet" in steps[2]
    assert "- loses all writes since" in steps[2]
    assert "looked at again: `converted`" in steps[2]
    assert "kept in the report as “Restore log”" in steps[2]
    assert "or `leave` (stop for good where it stands" in steps[2]
    assert "waits for a person to settle it" in steps[2]
    assert "it is recorded, shown and passed over" in steps[3]
    assert "- only where the target's fact `ha` is `true`" in steps[3]


def test_what_has_to_be_recorded_and_by_which_command() -> None:
    baselines: list[dict[str, Any]] = [
        {"id": "units", "what": "what was enabled", "role": "controller", "lines": True, "argv": ["ls"], "timeout_s": 5}
    ]
    need = {"kind": "dump", "engine": "10.6", "covers": ["nova", "keystone"], "max_before_upgrade_h": 72}
    verify = {"verify": {**look("x"), "expect": {"equals": "{baseline.flags}"}}}
    page = explain(make_plan({"stop": verify}, baselines=baselines, snapshots={"db": need}))

    assert "belay baseline capture TARGET back\n" in page
    assert "belay baseline record TARGET flags=…\n" in page
    assert (
        'belay snapshot TARGET db --kind dump --place … --sha256 … --engine-version … --covers "nova keystone"' in page
    )
    assert "written by the engine 10.6, covering nova, keystone, taken at most 72 h before the upgrade" in page
    assert "body: {name: compute-upgraded, evidence: " in page


def test_a_target_s_hosts_and_values_are_filled_in() -> None:
    words = {"region": "east", "snapshot.db.place": "/backup/0412"}
    page = explain(make_plan(), Site(target="prod", hosts={"controller": ("c1", "c2")}, words=words))

    assert "db restore /backup/0412\n" in page
    assert "- on all c1, c2, one after another" in page
    assert "| `controller` | c1, c2 |" in page
    assert "api/v1/targets/prod/checkpoints" in page


def test_a_fleet_is_explained() -> None:
    data = plan_data({"start": {"foreach": OVER}}, items=ITEMS)
    data["parameters"]["which"] = {"what": "which clusters"}
    page = explain(build_plan(data))

    assert "## Which hosted clusters" in page
    assert "in waves of 1, 2 (the last size repeats; the first wave is the canary)" in page
    assert "a person types `continue`, or stops" in page
    assert "for each of the chosen `clusters`" in page
    assert "gets nothing more of these steps; the others go on" in page


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (("svc", "stop", "{item}"), "svc stop {item}"),
        (("sh", "-c", "a | b"), "sh -c 'a | b'"),
        (("grep", ""), "grep ''"),
        (("db", "{snapshot.db.place}"), "db '/a b'"),
    ],
)
def test_words_are_shown_as_they_would_be_typed(argv: tuple[str, ...], shown: str) -> None:
    assert command_line(Command(argv=argv, timeout_s=1), {"snapshot.db.place": "/a b"}) == shown
