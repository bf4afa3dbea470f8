"""
One YAML file, read strictly: data, and the line each part stands on.

Only what JSON knows is taken from YAML: no tags, no aliases (nothing can be made huge by repeating itself), no key
twice, and `on`, `off`, `yes`, `no`, `0755`, `12:30` and `2024-01-01` are texts, as the author wrote them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from core.errors import PlanError

LONGEST_BYTES = 1_000_000
DEEPEST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    file: str
    data: Any
    lines: Mapping[str, int] = field(default_factory=dict)  #: path ("steps/3/do") -> line, from 1

    def line(self, where: str) -> int | None:
        """Return the line of *where*, or of the nearest part around it (a missing key stands nowhere)."""
        while where and where not in self.lines:
            where = where.rpartition("/")[0]
        return self.lines.get(where)

    def locate(self, error: PlanError) -> PlanError:
        """Return *error* with the file, and the line its path stands on."""
        return error.located(self.file, self.line(error.where))


def read_yaml(path: Path) -> Document:
    """
    Raises:
        PlanError: the file cannot be read, is too long, or is not the YAML described above.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise PlanError("", f"cannot be read: {error.strerror or error}", file=str(path)) from error
    if len(raw) > LONGEST_BYTES:
        raise PlanError("", f"is longer than {LONGEST_BYTES} bytes", file=str(path))
    return parse_yaml(raw, str(path))


def parse_yaml(raw: bytes, file: str) -> Document:
    """
    Raises:
        PlanError: *raw* is not the YAML described above; `file` and line say where.
    """
    try:
        loader = _Loader(raw.decode("utf-8-sig"))
        node = loader.get_single_node()
        return Document(file=file, data=None if node is None else loader.construct_document(node), lines=_lines(node))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise PlanError("", "is not UTF-8 text", file=file, line=line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = f"{error.problem or error.context}"
        raise PlanError(
            "", f"is not well-formed YAML: {words}", file=file, line=mark.line + 1 if mark else 1
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PlanError("", f"is not well-formed YAML: {error}", file=file, line=1) from error


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases, tags, double keys and the surprises of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 (PyYAML's own class attribute, filled below)
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves it untyped
        if isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "write it out: aliases (*name) are not read", _mark(event))
        if getattr(event, "tag", None) is not None:
            raise yaml.composer.ComposerError(None, None, f"tags ({event.tag}) are not read", _mark(event))
        if self.depth >= DEEPEST:
            raise yaml.composer.ComposerError(None, None, f"is nested deeper than {DEEPEST}", _mark(event))
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            problem = ""
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                problem = f"a key should be text, is '{getattr(key, 'value', 'a list or mapping')}'; put it in quotes"
            elif key.value in seen:
                problem = f"the key '{key.value}' stands on line {seen[key.value]} already"
            if problem:
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def _mark(event: yaml.Event) -> yaml.Mark:
    return cast("yaml.Mark", event.start_mark)  # set on every event that was read from a text


def _teach(loader: type[_Loader]) -> None:
    plain = {
        "bool": (r"true|false", "tf"),
        "null": (r"~|null|", ["~", "n", ""]),
        "int": (r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
        "float": (r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    }
    for kind, (pattern, firsts) in plain.items():
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"^(?:{pattern})$"), list(firsts))


_teach(_Loader)


def _lines(node: yaml.Node | None) -> dict[str, int]:
    lines: dict[str, int] = {}

    def walk(each: yaml.Node, where: str) -> None:
        if isinstance(each, yaml.MappingNode):
            children = [(key.value, key, value) for key, value in each.value]
        elif isinstance(each, yaml.SequenceNode):
            children = [(str(index), item, item) for index, item in enumerate(each.value)]
        else:
            return
        for name, place, child in children:
            path = f"{where}/{name}" if where else name
            lines[path] = place.start_mark.line + 1
            walk(child, path)

    if node is not None:
        walk(node, "")
    return lines
