"""Plans that are legal and a trap all the same: each with what the linter has to find, and none of what it must not."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from core.lint import Finding, Level, lint
from core.plan import Command
from core.reader import build_plan
from core.shell_words import calls, tokens
from store.plan_files import load_plans, read_plan
from tests.core.making import act, look, plan_data

ROOT = Path(__file__).parents[2]


def clean() -> dict[str, Any]:
    """A plan nothing is found about."""
    data = plan_data({"restore": {"probe": look("db", "check")}, "start": {"undo": act("svc", "stop")}})
    data["preflight"].append({"id": "whole", "role": "controller", **look("db", "check", "{snapshot.db.sha256}")})
    return data


def found(data: dict[str, Any], *, evidence: bool = False) -> list[str]:
    findings = lint(build_plan(data)) if evidence else linted(data)
    return [f"{finding.where} {finding.rule}" for finding in findings]


def linted(data: dict[str, Any]) -> list[Finding]:
    """Without what is said of evidence: the small plan keeps none, so that its steps keep their numbers."""
    return [finding for finding in lint(build_plan(data)) if finding.rule != "no-evidence"]


def with_step(number: int = 0, /, **keys: Any) -> dict[str, Any]:
    data = clean()
    data["steps"][number].update(keys)
    return data


def script(text: str) -> dict[str, Any]:
    return {"script": text, "timeout_s": 60}


def test_the_clean_plan_is_clean() -> None:
    assert found(clean()) == []


def test_the_documented_example_is_clean() -> None:
    assert lint(read_plan(ROOT / "docs" / "plan-format.yaml").plan) == ()


def test_every_plan_of_the_project_is_clean() -> None:
    plans, _ = load_plans(ROOT / "plans")

    assert {plan.id: [str(f) for f in lint(plan)] for plan in plans.values()} == {plan: [] for plan in plans}


# -- waits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "while true; do svc state && exit 0; sleep 5; done",
        "until svc state | grep -q running; do sleep 5; done",
        "while ! oc get pod x; do\n  sleep 10\ndone",
        "oc wait --for=condition=Ready pod/x",
        "tail -f /var/log/x",
        "journalctl -u x --follow",
        "oc get pods -w",
        "kubectl logs -f x",
        "ping host",
        "watch svc state",
        "sleep infinity",
        "ssh host 'x'; podman exec galera tail -F x",
    ],
)
def test_a_wait_without_an_end(text: str) -> None:
    assert "steps/0/do unbounded-wait" in found(with_step(do=script(text)))


@pytest.mark.parametrize(
    "text",
    [
        "i=0; while [ $i -lt 60 ]; do svc state && exit 0; i=$((i+1)); sleep 5; done; exit 1",
        "timeout 60 sh -c 'until svc state; do sleep 1; done'",
        "svc list >/dev/null; svc list | while read -r name; do svc state $name; done",
        "oc wait --timeout=60s --for=delete pod/x",
        "oc apply -f x.yaml",
        "ping -c 3 host",
        "tail -n 5 x",
        "journalctl -u x -n 5",
        "echo while we wait, nothing runs",
        "# while nothing",
    ],
)
def test_a_wait_with_an_end(text: str) -> None:
    assert "steps/0/do unbounded-wait" not in found(with_step(do=script(f"set -eu\n{text}")))


def test_words_wait_too() -> None:
    assert "steps/0/do unbounded-wait" in found(with_step(do=act("oc", "wait", "pod/x")))
    assert "steps/0/do unbounded-wait" in found(with_step(do=act("bash", "-c", "while true; do sleep 1; done")))


# -- stops without a start -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "start"),
    [
        (["systemctl", "stop", "nova-api"], ["systemctl", "start", "nova-api.service"]),
        (["systemctl", "disable", "a", "b"], ["systemctl", "enable", "b", "a"]),
        (["systemctl", "mask", "a"], ["systemctl", "unmask", "a"]),
        (["service", "a", "stop"], ["service", "a", "start"]),
        (["sudo", "-n", "systemctl", "stop", "a"], ["timeout", "60", "systemctl", "restart", "a"]),
        (["pcs", "resource", "disable", "haproxy"], ["pcs", "resource", "enable", "haproxy"]),
        (["pcs", "cluster", "stop", "--all"], ["pcs", "cluster", "start", "--all"]),
        (["docker", "stop", "a"], ["docker", "run", "--name", "a", "image"]),
        (["podman", "kill", "a"], ["podman", "start", "a"]),
        (["podman", "exec", "rabbitmq", "rabbitmqctl", "stop_app"], ["rabbitmqctl", "start_app"]),
        (["ceph", "osd", "set", "noout"], ["ceph", "osd", "unset", "noout"]),
        (["oc", "scale", "deployment/x", "--replicas=0"], ["oc", "scale", "deployment/x", "--replicas=1"]),
        (["oc", "adm", "drain", "node-1"], ["oc", "adm", "uncordon", "node-1"]),
        (["db", "door", "close"], ["db", "door", "open"]),
        (["rabbitmq-plugins", "disable", "x"], ["rabbitmq-plugins", "enable", "x"]),
    ],
)
def test_a_stop_wants_its_start(stop: list[str], start: list[str]) -> None:
    finding = "steps/0/do stop-without-start"
    undo = {"undo": None}
    back = with_step(do=act(*stop), **undo)
    back["steps"][2]["do"] = act(*start)
    other = with_step(do=act(*stop), **undo)
    other["steps"][2]["do"] = act(*start[:-1], "another")

    assert finding in found(with_step(do=act(*stop), **undo))
    assert finding not in found(with_step(do=act(*stop), undo=act(*start)))
    assert finding not in found(back)
    if stop[-1] not in start[:-1] and stop[-1] not in ("--all", "stop_app", "close", "stop", "--replicas=0"):
        assert finding in found(other)


def test_a_start_that_came_before_does_not_count() -> None:
    data = clean()
    data["steps"][2]["do"] = act("systemctl", "stop", "late")
    data["steps"][2]["undo"] = None
    data["steps"][0]["do"] = act("systemctl", "start", "late")

    assert "steps/2/do stop-without-start" in found(data)


def test_items_are_told_apart() -> None:
    """Three are stopped and two are started: the published procedure did just that."""
    data = with_step(foreach=["nova", "glance", "cinder"], do=act("systemctl", "stop", "{item}"), undo=None)
    data["steps"][2].update(foreach=["nova", "cinder"], do=act("systemctl", "start", "{item}"))

    findings = [finding for finding in linted(data) if finding.rule == "stop-without-start"]

    assert [finding.problem for finding in findings] == [
        "`systemctl stop glance` is not followed by anything that brings 'glance' back"
    ]


def test_items_of_one_fact_match_each_other() -> None:
    data = with_step(foreach={"fact": "units"}, do=script('systemctl stop "$ITEM"'), undo=None)
    data["steps"][2].update(foreach={"fact": "units"}, do=act("systemctl", "start", "{item}"))

    assert "steps/0/do stop-without-start" not in found(data)


def test_a_control_plane_that_never_comes_up_again() -> None:
    data = clean()
    data["steps"][2]["effects"] = {}

    assert found(data) == ["steps/0/effects stop-without-start"]


# -- looks that write ----------------------------------------------------------------------------------------------

WRITES = [
    ["oc", "create", "--dry-run=none", "-f", "canary.yaml"],
    ["rm", "-f", "/tmp/x"],
    ["mv", "a", "b"],
    ["tee", "x"],
    ["sed", "-i", "s/a/b/", "x"],
    ["touch", "x"],
    ["kill", "1"],
    ["systemctl", "restart", "x"],
    ["service", "x", "start"],
    ["svc", "start", "x"],
    ["svc", "x", "stop"],
    ["pcs", "resource", "cleanup"],
    ["podman", "rm", "x"],
    ["docker", "exec", "-it", "db", "mysql", "-e", "DROP DATABASE nova"],
    ["mysql", "-e", "update services set disabled=1"],
    ["oc", "patch", "x"],
    ["oc", "-n", "openstack", "delete", "pod", "x"],
    ["kubectl", "apply", "-f", "x"],
    ["oc", "exec", "pod", "--", "systemctl", "stop", "x"],
    ["openstack", "server", "delete", "x"],
    ["nova-manage", "db", "online_data_migrations"],
    ["nova-manage", "api_db", "sync", "--expand"],
    ["ceph", "osd", "set", "noout"],
    ["ceph", "config", "set", "global", "x", "y"],
    ["rabbitmqctl", "force_reset"],
    ["ovs-vsctl", "set-controller", "br", "x"],
    ["curl", "-X", "DELETE", "http://x"],
    ["curl", "--data", "a", "http://x"],
    ["sudo", "-n", "rm", "x"],
    ["sh", "-c", "date > /tmp/when"],
    ["env", "A=1", "rm", "x"],
]
LOOKS = [
    ["grep", "stop", "file"],
    ["systemctl", "is-active", "x"],
    ["systemctl", "show", "x"],
    ["systemctl", "status", "restart.service"],
    ["pcs", "status"],
    ["pcs", "resource", "config"],
    ["podman", "ps", "--filter", "name=x"],
    ["podman", "image", "inspect", "x"],
    ["docker", "exec", "db", "mysql", "-e", "SELECT * FROM x"],
    ["mysql", "-e", "SHOW CREATE TABLE x"],
    ["mysql", "-e", "SELECT updated_at, deleted FROM x"],
    ["oc", "get", "pod", "x"],
    ["oc", "adm", "upgrade", "status"],
    ["oc", "create", "--dry-run=server", "-f", "canary.yaml"],
    ["openstack", "server", "list"],
    ["openstack", "compute", "service", "list"],
    ["nova-status", "upgrade", "check"],
    ["ceph", "osd", "dump"],
    ["rabbitmqctl", "list_queues"],
    ["curl", "--fail", "--max-time", "5", "http://x"],
    ["test", "-e", "x"],
    ["sh", "-c", "svc state 2>/dev/null >&2"],
    ["sh", "-c", "svc state | grep -q run"],
    ["echo", "rm -rf /"],
]


@pytest.mark.parametrize("argv", WRITES, ids=" ".join)
def test_a_look_that_writes(argv: list[str]) -> None:
    for key in ("verify", "probe", "elect"):
        data = with_step(**{key: look(*argv)}, **({"on": "elected"} if key == "elect" else {}))
        assert f"steps/0/{key} look-that-writes" in found(data)
    data = clean()
    data["points_of_no_return"][0]["probes"][0]["argv"] = argv
    data["preflight"][0]["argv"] = argv
    data["validations"][0]["argv"] = argv
    assert {f"{where} look-that-writes" for where in
            ("points_of_no_return/0/probes/0", "preflight/0", "validations/0")} <= set(found(data))  # fmt: skip


@pytest.mark.parametrize("argv", LOOKS, ids=" ".join)
def test_a_look_that_only_looks(argv: list[str]) -> None:
    data = clean()
    data["preflight"][0]["argv"] = argv

    assert [each for each in found(data) if each.endswith("look-that-writes")] == []


# -- checks that cannot fail ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        act("true"),
        act("echo", "fine"),
        act("bash", "-c", "svc state || true"),
        script("svc state || true"),
        script("svc state || :"),
        script("svc state\nexit 0"),
        script("svc state\ntrue"),
        script("svc state; echo done"),
        script(":"),
    ],
)
def test_a_check_that_cannot_fail(command: dict[str, Any]) -> None:
    verify = {**command, "expect": {"exit": 0}}

    assert "steps/0/verify check-that-cannot-fail" in found(with_step(verify=verify))
    verify["expect"] = {"equals": "running"}
    assert "steps/0/verify check-that-cannot-fail" not in found(with_step(verify=verify)), "what is printed decides"


@pytest.mark.parametrize(
    "text",
    ["svc state && echo fine", "set -e\nsvc state\necho fine", "if svc bad; then exit 1; fi\nexit 0", "svc state",
     "svc state || exit 1"],
)  # fmt: skip
def test_a_check_that_can_fail(text: str) -> None:
    verify = {**script(text), "expect": {"exit": 0}}

    assert "steps/0/verify check-that-cannot-fail" not in found(with_step(verify=verify))


@pytest.mark.parametrize(
    ("expect", "holds_of_silence"),
    [
        ({"lacks": "error"}, True),
        ({"empty": True}, True),
        ({"differs": "failed"}, True),
        ({"exit": [0, 127]}, True),
        ({"matches": ".*"}, True),
        ({"exit": 0, "lacks": "error"}, False),
        ({"exit": 0}, False),
        ({"equals": "running"}, False),
        ({"matches": "run"}, False),
        ({"at_most": 3}, False),
    ],
)
def test_an_answer_made_of_silence(expect: dict[str, Any], holds_of_silence: bool) -> None:
    verify = {"argv": ["svc", "state"], "timeout_s": 1, "expect": expect}
    data = clean()
    data["points_of_no_return"][0]["probes"][0]["reversible"] = expect

    assert ("steps/0/verify/expect check-that-cannot-fail" in found(with_step(verify=verify))) is holds_of_silence
    place = "points_of_no_return/0/probes/0/reversible silence-is-reversible"
    assert (place in found(data)) is holds_of_silence


def test_an_exit_status_that_an_error_has_too() -> None:
    data = clean()
    data["points_of_no_return"][0]["probes"][0]["reversible"] = {"exit": 1}
    findings = linted(data)

    assert [(f.rule, f.level) for f in findings] == [("silence-is-reversible", Level.WARNING)]


def test_a_verification_that_only_repeats_the_deed() -> None:
    repeated = {"argv": ["svc", "ensure"], "timeout_s": 60}
    data = with_step(do=repeated, verify={**repeated, "expect": {"exit": 0}})

    assert "steps/0/verify check-that-cannot-fail" in found(data)


@pytest.mark.parametrize("text", ["ssh host svc state || echo absent", "svc state 2>/dev/null || printf no"])
def test_an_error_that_is_read_as_an_answer(text: str) -> None:
    data = clean()
    probe = data["points_of_no_return"][0]["probes"][0]
    del probe["argv"]
    probe["script"] = text

    assert "points_of_no_return/0/probes/0 failure-as-answer" in found(data)
    verify = {**script(text), "expect": {"equals": "absent"}}
    assert "steps/0/verify failure-as-answer" in found(with_step(verify=verify))


def test_one_host_asked_for_many() -> None:
    data = clean()
    data["points_of_no_return"][0]["probes"][0]["on"] = "first"

    assert found(data) == ["points_of_no_return/0/probes/0/on one-of-many"]


# -- scripts that hide failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("a\nb", True),
        ("dump | load", True),
        ("set -eu\ndump | load", True),
        ("set -euo pipefail\ndump | load", False),
        ("set -eu\na\nb", False),
        ("set -o errexit -e\na\nb", False),
        ("a || true", True),
        ("set -eu\na || :", True),
        ("echo x | load", False),
        ("a", False),
        ("# why\na", False),
        ("a || exit 1", False),
        ("grep 'a|b' x", False),
    ],
)
def test_a_failure_that_is_hidden(text: str, hidden: bool) -> None:
    assert ("steps/0/do hidden-failure" in found(with_step(do=script(text)))) is hidden


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        (act("sudo", "svc", "stop"), True),
        (act("sudo", "-n", "svc", "stop"), False),
        (script("sudo svc stop"), True),
        (script("sudo -n svc stop && sudo --non-interactive x"), False),
        (act("echo", "pseudo code"), False),
    ],
)
def test_a_password_nobody_types(command: dict[str, Any], asks: bool) -> None:
    assert ("steps/0/do may-prompt" in found(with_step(do=command))) is asks


# -- steps ---------------------------------------------------------------------------------------------------------


def test_retries_that_never_happen() -> None:
    assert found(with_step(retries=2)) == ["steps/0/retries retries-not-idempotent"]
    assert found(with_step(retries=2, idempotent=True)) == []


def test_an_abort_that_would_leave_things_done() -> None:
    data = clean()
    data["steps"][0]["undo"] = None
    data["steps"][0]["do"] = act("svc", "reload")

    assert found(data) == ["steps/0 no-undo"]


def test_evidence_needs_no_undo() -> None:
    data = clean()
    data["steps"].insert(
        0, {"id": "e", "role": "controller", "do": act("db", "dump", "x"), "verify": look("test", "x")}
    )

    assert found(data) == []


def test_a_destruction_nobody_looks_before() -> None:
    assert found(with_step(1, guard=[])) == ["steps/1 no-guard"]


@pytest.mark.parametrize("keys", [{"on_failure": "continue"}, {"max_failures": 1}])
def test_a_destruction_that_may_fail_unnoticed(keys: dict[str, Any]) -> None:
    assert found(with_step(1, **keys)) == ["steps/1 failure-passed-over"]


def test_a_destruction_nothing_can_settle() -> None:
    assert found(with_step(1, probe=None)) == ["steps/1 no-probe"]


@pytest.mark.parametrize(
    "command",
    [
        act("rm", "-rf", "/var/lib/mysql"),
        act("db", "restore", "x"),
        act("mysql", "-e", "drop database nova"),
        script("podman exec db mysql -e 'TRUNCATE x'"),
        act("oc", "delete", "openstackcontrolplane", "x"),
        act("mkfs.xfs", "/dev/x"),
        act("rabbitmqctl", "force_reset"),
    ],
)
def test_a_destruction_that_is_not_called_one(command: dict[str, Any]) -> None:
    assert "steps/0/do unmarked-destruction" in found(with_step(do=command))
    assert "steps/1/do unmarked-destruction" not in found(with_step(1, do=command))


KEEP = {"id": "state", "role": "controller", "verify": look("svc", "list"), "keeps": "What ran"}


@pytest.mark.parametrize(("at", "missing"), [(0, False), (1, True)])
def test_what_was_there_before_the_first_touch(at: int, missing: bool) -> None:
    data = clean()
    data["steps"].insert(at, KEEP)

    assert ("steps/0 no-evidence" in found(data, evidence=True)) is missing


def test_without_a_touch_there_is_nothing_to_keep() -> None:
    data = with_step(0, effects={})
    data["steps"] = [data["steps"][0]]

    assert "steps/0 no-evidence" not in found(data, evidence=True)


@pytest.mark.parametrize(("number", "unsafe"), [(0, False), (1, True), (2, True)])
def test_stopping_while_the_control_plane_is_down_is_not_safe(number: int, unsafe: bool) -> None:
    data = with_step(number, confirm="go", abort_point="all is well")

    assert (f"steps/{number}/abort_point abort-point-while-down" in found(data)) is unsafe


# -- the plan as a whole -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("impact", "over"),
    [
        ({"rto_minutes": 30}, []),
        ({}, []),
        ({"rto_minutes": 3}, ["impact/rto_minutes over-budget"]),  # the time-outs: 3.5 min
        ({"rto_minutes": 0.5}, ["impact/rto_minutes over-budget"]),  # usually 40 s
    ],
)
def test_the_budget(impact: dict[str, Any], over: list[str]) -> None:
    assert found({**clean(), "impact": impact}) == over


def test_a_budget_that_cannot_be_kept_is_worse_than_one_that_may_not() -> None:
    levels = [linted({**clean(), "impact": {"rto_minutes": m}})[0].level for m in (3, 0.5)]

    assert levels == [Level.WARNING, Level.ERROR]


def test_what_nothing_uses() -> None:
    data = clean()
    data["parameters"]["zone"] = {"default": "a"}
    data["snapshots"]["etc"] = {"kind": "tar"}
    data["roles"]["edge"] = None

    assert found(data) == [
        "roles/edge unused",
        "parameters/zone unused",
        "snapshots/etc unchecked-snapshot",
        "snapshots/etc unused",
    ] or set(found(data)) == {
        "roles/edge unused",
        "parameters/zone unused",
        "snapshots/etc unchecked-snapshot",
        "snapshots/etc unused",
    }


def test_what_only_a_script_uses_is_used() -> None:
    data = with_step(do=script('svc stop "$ZONE" "$SNAPSHOT_ETC_PLACE"'), undo=act("svc", "start"))
    data["parameters"]["zone"] = {"default": "a"}
    data["snapshots"]["etc"] = {"kind": "tar"}

    assert [each for each in found(data) if each.endswith("unused")] == []


def test_a_snapshot_nobody_looked_at() -> None:
    data = clean()
    data["preflight"].pop()

    assert found(data) == ["snapshots/db unchecked-snapshot"]


def test_findings_come_in_the_order_of_the_file() -> None:
    data = copy.deepcopy(clean())
    for step in data["steps"]:
        step["retries"] = 1
    data["preflight"][0]["argv"] = ["rm", "x"]

    assert [each.split()[0] for each in found(data)] == ["preflight/0", *(f"steps/{n}/retries" for n in range(3))]


def test_a_finding_says_where_what_and_what_to_do() -> None:
    finding = Finding(rule="no-guard", where="steps/1", problem="it destroys", suggestion="add a guard")

    assert str(finding) == "steps/1: error no-guard: it destroys; add a guard"


BAD_PLANS = sorted((Path(__file__).parent / "bad_plans").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD_PLANS, ids=lambda path: path.stem)
def test_a_bad_plan_and_what_has_to_be_found_in_it(path: Path) -> None:
    """Each file says itself, in lines that begin with "# finds:", what must be found; and on which line of it."""
    file = read_plan(path)
    wanted = re.findall(r"^# finds: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    findings = {f"{finding.where} {finding.rule}": finding for finding in lint(file.plan)}

    assert wanted
    assert [each for each in wanted if each not in findings] == []
    assert all(file.document.line(finding.where) for finding in findings.values())


@pytest.mark.parametrize(
    ("text", "skips"),
    [
        ("if systemctl is-enabled x; then systemctl start x; fi", True),
        ("if systemctl is-enabled x; then systemctl start x; else exit 1; fi", False),
        ("if [ -e x ]; then a; fi", False),
        ("a", False),
    ],
)
def test_a_step_that_does_nothing_and_says_nothing(text: str, skips: bool) -> None:
    assert ("steps/0/do silent-skip" in found(with_step(do=script(text)))) is skips


@pytest.mark.parametrize(
    ("text", "only_printed"),
    [
        ('svc state || echo "ERROR: down"', True),
        ('svc state || { echo "ERROR: down"; exit 1; }', False),
        ('svc state || { echo "FAILED"; return $rc; }', False),
        ("echo fine", False),
    ],
)
def test_an_error_that_is_only_printed(text: str, only_printed: bool) -> None:
    verify = {**script(text), "expect": {"exit": 0}}

    assert ("steps/0/verify error-only-printed" in found(with_step(verify=verify))) is only_printed


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ('a "$REGION" "$HOST" "${SNAPSHOT_DB_PLACE}" "$TARGET" $ADDRESS $BASELINE_RELEASE $PATH $1 $? $$', False),
        ('a "$REGOIN"', True),
        ("for r in ${ToStop[*]}; do a $r; done", True),
        ('for r in a b; do a "$r"; done', False),
        ("x=1; a $x", False),
        ("svc list | while read -r one two; do a $one $two; done", False),
        ("awk '{print $NF}' x", False),
        ('a "${REGOIN:-east}"', False),
        ("local x y; a $x $y", False),
        ('a "\\$REGOIN"', False),
    ],
)
def test_a_variable_nobody_sets(text: str, nothing: bool) -> None:
    assert ("steps/0/do reference-to-nothing" in found(with_step(do=script(text)))) is nothing


# -- reading commands ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("a b; c && d || e | f\ng & h", ["a b", "c", "d", "e", "f", "g", "h"]),
        ("if a; then b; else c; fi", ["a", "b", "c"]),
        ("for x in 1 2; do a $x; done", ["for x in 1 2", "a $x"]),
        ("A=1 B=2 a b", ["a b"]),
        ("x=$(a b)", ["a b"]),
        ("a 'b; c' \"d | e\"", ["a b; c d | e"]),
        ("a \\\n  b", ["a b"]),
        ("a # b; c", ["a"]),
        ("a#b", ["a#b"]),
        ("a > x 2>&1", ["a"]),
        ("a ||\n b", ["a", "b"]),
        ("(a; b)", ["a", "b"]),
        ("{ a; b; }", ["a", "b"]),
        ("! a", ["a"]),
        ("sudo -u root -n a b", ["a b"]),
        ("timeout -k 5 60 a", ["a"]),
        ("ssh -o X=y host a b", ["a b"]),
        ("podman exec -u 0 box a b", ["a b"]),
        ("oc rsh -n x pod a", ["a"]),
        ("oc exec -n x pod -- a b", ["a b"]),
        ("sh -c 'a; b'", ["a", "b"]),
        ("bash -euc 'sudo a'", ["a"]),
        ("a <<'E'\nit's\nE", None),  # cannot be read as words: still read, somehow
        ("", []),
    ],
)
def test_what_a_script_calls(text: str, called: list[str] | None) -> None:
    got = [" ".join(call.words) for call in calls(Command(script=text, timeout_s=1))]

    if called is not None:
        assert got == called


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("a > x", ["x"]),
        ("a >> x", ["x"]),
        ("a 2> x", ["x"]),
        ("a >/dev/null 2>&1", []),
        ("a < x", []),
        ("a &> x", ["x"]),
    ],
)
def test_where_output_goes(text: str, files: list[str]) -> None:
    assert [file for call in calls(Command(script=text, timeout_s=1)) for file in call.writes_to] == files


def test_a_quoted_newline_is_part_of_its_word() -> None:
    assert tokens("a 'b\nc'\nd") == ["a", "b\nc", "\n", "d"]
