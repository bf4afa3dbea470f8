"""Plans as files: every mistake with its file and line, and one bad file hides no good one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import PlanError
from store.plan_files import load_plans, read_plan
from store.yaml_file import LONGEST_BYTES, parse_yaml, read_yaml

EXAMPLE = Path(__file__).parents[2] / "docs" / "plan-format.yaml"


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_documented_example_is_a_plan() -> None:
    file = read_plan(EXAMPLE)

    assert file.plan.id == "example-release"
    assert file.document.line("steps/2/guard") == line_of(EXAMPLE.read_text(), "guard:")


@pytest.mark.parametrize(
    ("old", "new", "at", "where"),
    [
        ("    why: nothing", "    wy: nothing", "wy: nothing", "steps/1/wy"),
        ("timeout_s: 600", "timeout_s: soon", "timeout_s: soon", "steps/2/do/timeout_s"),
        ("      timeout_s: 600\n", "", "    do:\n      script: |", "steps/2/do/timeout_s"),
        ("guard: [computes-converted]", "guard: [computes-convert]", "guard: [computes-convert]", "steps/2/guard/0"),
        ("role: compute\n", "role: computer\n", "role: computer", "points_of_no_return/0/probes/0/role"),
        ("id: start-api", "id: stop-api", None, "steps/3/id"),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, old: str, new: str, at: str | None, where: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    path = write(tmp_path / "x.yaml", text)

    with pytest.raises(PlanError) as caught:
        read_plan(path)

    error = caught.value
    assert error.where.endswith(where)
    assert error.file == str(path)
    assert str(error).startswith(f"{path}:{error.line}: ")
    if at is not None:
        first = at.splitlines()[0].strip()
        assert first in text.splitlines()[(error.line or 0) - 1] or first in text.splitlines()[(error.line or 0) - 2]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("id: a\nid: b\n", 2, "the key 'id' stands on line 1 already"),
        ("a: {x: 1, y: 2, x: 3}\n", 1, "the key 'x' stands on line 1 already"),
        ("id: [a\nb: c\n", 2, "is not well-formed YAML"),
        ("id: a\n\tb: c\n", 2, "is not well-formed YAML"),
        ("id: 'a\n", 2, "is not well-formed YAML"),
        ("a: &x [1]\nb: *x\n", 2, "aliases (*name) are not read"),
        ("base: &x {a: 1}\nb:\n  <<: *x\n", 3, "aliases (*name) are not read"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "tags (tag:yaml.org,2002:python/object/apply:os.system)"),
        ("a: !secret x\n", 1, "tags (!secret) are not read"),
        ("a: 1\n---\nb: 2\n", 2, "is not well-formed YAML"),
        ("1: a\n", 1, "a key should be text, is '1'; put it in quotes"),
        ("true: a\n", 1, "a key should be text, is 'true'"),
        ("? [a]\n: b\n", 1, "a key should be text"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", 1, "is nested deeper than 30"),
        ("a: " + "[" * 100_000 + "\n", 1, "is nested deeper than 30"),
        ("a: \x00\n", 1, "is not well-formed YAML"),
        ("a: b: c\n", 1, "is not well-formed YAML"),
        ("%YAML 9.9\n---\na: 1\n", 1, "is not well-formed YAML"),
    ],
)
def test_what_is_no_yaml_has_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_yaml(text.encode(), "x.yaml")

    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"x.yaml:{line}: "), str(caught.value)


def test_a_thousand_million_laughs_are_not_heard() -> None:
    lines = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]

    with pytest.raises(PlanError, match="aliases"):
        parse_yaml("\n".join(lines).encode(), "x.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("0755", "0755"),
        ("0x1f", "0x1f"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("2026-03-01", "2026-03-01"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".5", ".5"),
        ("-7", -7),
        ("0", 0),
        ("60.5", 60.5),
        ("null", None),
        ("~", None),
        ("", None),
        ("=", "="),
        ("'12'", "12"),
        ("17.1", 17.1),
    ],
)
def test_what_is_written_is_what_is_read(text: str, value: Any) -> None:
    read = parse_yaml(f"a: {text}\n".encode(), "x.yaml").data["a"]

    assert read == value
    assert type(read) is type(value)


def test_on_is_a_key() -> None:
    assert parse_yaml(b"on: all\n", "x.yaml").data == {"on": "all"}


def test_pyyaml_itself_is_left_as_it_was() -> None:
    """Our loader has rules of its own; nobody else's YAML may change with them."""
    assert yaml.safe_load("a: on\nb: 0755\n") == {"a": True, "b": 493}


def test_lines_of_parts() -> None:
    document = parse_yaml(b"a:\n  - b: 1\n  -\n    c:\n      d: 2\n", "x.yaml")

    assert document.line("a/0/b") == 2
    assert document.line("a/1/c/d") == 5
    assert document.line("a/1/c/missing/deeper") == 4
    assert document.line("nowhere") is None


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")

    with pytest.raises(PlanError, match=r"x.yaml:2: is not UTF-8 text"):
        read_yaml(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read_yaml(path).data == {"a": 1}


def test_an_endless_file_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x.yaml", "a: " + "x" * LONGEST_BYTES)

    with pytest.raises(PlanError, match="is longer than"):
        read_yaml(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none.yaml: cannot be read: No such file"):
        read_plan(tmp_path / "none.yaml")


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"should be a mapping .key: value., is empty"):
        read_plan(write(tmp_path / "x.yaml", "# nothing yet\n"))


def test_all_plans_of_a_folder(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    write(tmp_path / "a" / "one.yaml", text)
    write(tmp_path / "b" / "two.yml", text.replace("id: example-release", "id: two"))
    write(tmp_path / "b" / "notes.txt", "no plan")

    plans, errors = load_plans(tmp_path)

    assert sorted(plans) == ["example-release", "two"]
    assert errors == []


def test_one_bad_file_hides_no_good_one(tmp_path: Path) -> None:
    write(tmp_path / "good.yaml", EXAMPLE.read_text(encoding="utf-8"))
    write(tmp_path / "bad.yaml", "id: [\n")
    write(tmp_path / "worse.yaml", "id: x\n")

    plans, errors = load_plans(tmp_path)

    assert list(plans) == ["example-release"]
    assert [Path(error.file).name for error in errors] == ["bad.yaml", "worse.yaml"]


def test_of_two_plans_with_one_id_neither_is_taken(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.yaml", text)

    plans, errors = load_plans(tmp_path)

    assert plans == {}
    assert len(errors) == 2
    assert "b.yaml:" in str(errors[0])
    assert "is the id of" in str(errors[0])
    assert "a.yaml too; neither is used" in str(errors[0])


def test_a_folder_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "one.yaml", EXAMPLE.read_text(encoding="utf-8"))

    plans, errors = load_plans(tmp_path, tmp_path / "a")

    assert (list(plans), errors) == (["example-release"], [])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    plans, errors = load_plans(tmp_path / "none")

    assert plans == {}
    assert "should be a folder of plans, is none" in str(errors[0])


def test_every_plan_of_the_project_is_well_formed() -> None:
    plans, errors = load_plans(Path(__file__).parents[2] / "plans")

    assert errors == []
    assert all(plan.steps for plan in plans.values())
