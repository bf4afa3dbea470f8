"""The targets file and the roster file, and every mistake in them with its line."""

from pathlib import Path

import pytest

from core.errors import PlanError
from core.people import May
from store.config_files import load_roster, load_targets

DOCS = Path(__file__).parents[2] / "docs"
TARGETS = """\
targets:
  east:
    system: practice
    hosts:
      c1: {address: c1.example}
      c2: {address: c2.example, port: 2222}
    roles:
      controller: [c1, c2]
"""
ROSTER = """\
people:
  ana:
    accounts: [T/ana]
  bo:
    accounts: [T/bo, U/bo]
    may: [approve]
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_documented_examples_are_well_formed() -> None:
    target = load_targets(DOCS / "targets-format.yaml")["prod-east"]
    roster = load_roster(DOCS / "roster-format.yaml")

    assert target.host("controller-1").host_key is not None
    assert target.facts == {"region": "region-one", "has-database": True, "units": ["api", "scheduler"]}
    assert sorted(roster.people) == ["ana", "bo"]


def test_targets(tmp_path: Path) -> None:
    target = load_targets(write(tmp_path / "t.yaml", TARGETS))["east"]

    assert [host.name for host in target.in_role("controller")] == ["c1", "c2"]
    assert (target.host("c1").port, target.host("c2").port) == (None, 2222)
    assert (target.host("c1").executor, target.host("c1").state_dir) == ("ssh", "/var/lib/belay")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("targets:", "target:", 1, "is no key of this place; did you mean 'targets'?"),
        (
            "system: practice",
            "sistem: practice",
            3,
            "targets/east/sistem: is no key of this place; did you mean 'system'",
        ),
        ("    system: practice\n", "", 2, "targets/east/system: is required"),
        ("{address: c1.example}", "{adress: c1.example}", 5, "did you mean 'address'?"),
        ("{address: c1.example}", "{port: 22}", 5, "targets/east/hosts/c1/address: is required"),
        ("{address: c1.example}", "{address: -oProxyCommand=x}", 5, "one word that does not begin with '-'"),
        ("{address: c1.example}", "{address: a b}", 5, "one word"),
        ("{address: c1.example}", "{address: a, user: -l}", 5, "one word that does not begin with '-'"),
        ("{address: c1.example}", "{address: c2.example, port: 2222}", 6, "is 'c1' under another name (c2.example)"),
        ("port: 2222", "port: 99999", 6, "targets/east/hosts/c2/port: should be from 1 to 65535"),
        ("port: 2222", "port: ssh", 6, "should be a number, is 'ssh'"),
        ("port: 2222", "host_key: AAAA", 6, "should be a public key such as"),
        ("port: 2222", "state_dir: var/x", 6, "should be an absolute path"),
        ("port: 2222", "state_dir: /var/../etc", 6, "should be an absolute path"),
        ("      c2: {", "      c1: {", 6, "the key 'c1' stands on line 5 already"),
        ("      c1: {", "      -c1: {", 5, "should be a name"),
        ("[c1, c2]", "[c1, c3]", 8, "targets/east/roles/controller/1: 'c3' is no host of this target; known: c1, c2"),
        ("[c1, c2]", "[c1, c2, c1]", 8, "targets/east/roles/controller/2: the host 'c1' is listed twice"),
        ("[c1, c2]", "[]", 8, "should be a list of hosts with something in it, is empty"),
        ("[c1, c2]", "c1", 8, "should be a list of hosts with something in it, is 'c1'"),
        ("    roles:\n      controller: [c1, c2]\n", "", 2, "targets/east/roles: is required"),
        ("[c1, c2]", "[c1, c2]\n    facts: {a: {b: 1}}", 9, "targets/east/facts/a: should be a text, number"),
        ("[c1, c2]", "[c1, c2]\n    facts: {a: [null]}", 9, "targets/east/facts/a: should be a text, number"),
        (TARGETS[9:], "  east: {system: x, hosts: {}}\n", 2, "a target without hosts has nothing to roll back"),
        (TARGETS[9:], "  {}\n", 1, "targets: names no target"),
        (TARGETS, "", None, "should be a mapping"),
    ],
)
def test_targets_refused(tmp_path: Path, old: str, new: str, line: int | None, problem: str) -> None:
    assert old in TARGETS
    path = write(tmp_path / "t.yaml", TARGETS.replace(old, new, 1))

    with pytest.raises(PlanError) as caught:
        load_targets(path)

    assert problem in str(caught.value)
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_a_host_in_no_role_is_fine(tmp_path: Path) -> None:
    target = load_targets(write(tmp_path / "t.yaml", TARGETS.replace("[c1, c2]", "[c1]")))["east"]

    assert len(target.hosts) == 2


def test_the_comment_of_a_key_is_left_out(tmp_path: Path) -> None:
    """Two spellings of one key are one identity."""
    text = TARGETS.replace("port: 2222", "host_key: ssh-ed25519 AAAA root@c2")

    assert load_targets(write(tmp_path / "t.yaml", text))["east"].host("c2").host_key == "ssh-ed25519 AAAA"


def test_a_roster(tmp_path: Path) -> None:
    people = load_roster(write(tmp_path / "r.yaml", ROSTER)).people

    assert people["ana"].may == {May.REQUEST, May.OPERATE}
    assert people["bo"].may == {May.APPROVE}
    assert people["ana"].name == "ana"


def test_a_roster_of_nobody(tmp_path: Path) -> None:
    assert load_roster(write(tmp_path / "r.yaml", "people: {}\n")).people == {}


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        (ROSTER, "", None, "should be a mapping"),
        (ROSTER, "peple: {}\n", 1, "did you mean 'people'?"),
        (ROSTER, "{}\n", None, "people: is required; `people: {}` is a roster of nobody"),
        ("[T/bo, U/bo]", "[T/bo, T/ana]", 5, "people/bo/accounts: 'T/ana' belongs to 'ana' already"),
        ("[T/bo, U/bo]", "[]", 5, "people/bo/accounts: is required"),
        ("[T/bo, U/bo]", "T/bo", 5, "should be a list"),
        ("[T/bo, U/bo]", "[bo]", 5, "people/bo/accounts/0: should be a team's id and a user's id"),
        ("[T/bo, U/bo]", "[bo@example.net]", 5, "names can be faked"),
        ("[T/bo, U/bo]", "['@bo']", 5, "names can be faked"),
        ("[T/bo, U/bo]", "[T/bo, T/bo]", 5, "'T/bo' is listed twice"),
        ("[approve]", "[aprove]", 6, "people/bo/may/0: should be request or approve or operate, is 'aprove'"),
        ("  bo:", "  ana:", 4, "the key 'ana' stands on line 2 already"),
        ("    may:", "    mai:", 6, "did you mean 'may'?"),
    ],
)
def test_a_roster_refused(tmp_path: Path, old: str, new: str, line: int | None, problem: str) -> None:
    assert old in ROSTER
    path = write(tmp_path / "r.yaml", ROSTER.replace(old, new, 1))

    with pytest.raises(PlanError) as caught:
        load_roster(path)

    assert problem in str(caught.value)
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_nobody_may_do_nothing_by_mistake(tmp_path: Path) -> None:
    """An empty list of rights is what it says, not the default."""
    assert load_roster(write(tmp_path / "r.yaml", ROSTER.replace("[approve]", "[]"))).people["bo"].may == frozenset()
