"""
JSONPath as `oc` and `kubectl` have it (kubernetes.io/docs/reference/kubectl/jsonpath): fields, indices, filters, range.

A field that is not there is nothing, and no error; an index that is not there is one. That is the client's own way,
and a trap: a probe that takes nothing for an answer is caught here as it would be in production.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: A piece of a template: what stands between braces, or text outside of them.
_PIECES = re.compile(r"\{((?:\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*'|[^{}\"'])*)\}|([^{]+)")
_STEP = re.compile(
    r"(?P<deep>\.)(?=\.)|\.?\[\?\((?P<filter>.*?)\)\]|\.?\['(?P<quoted>[^']*)'\]|\.?\[(?P<index>[^\]]*)\]|\.(?P<star>\*)"
    r"|\.(?P<field>(?:\\.|[^.\[\\\s])+)"
)
_FILTER = re.compile(r"^\s*@(?P<path>[^=!<>]*?)\s*(?:(?P<op>==|!=|>=|<=|>|<)\s*(?P<value>.+?))?\s*$")


class PathError(Exception):
    """The template cannot be read, or an index is out of bounds."""


def render(template: str, data: Any) -> str:
    """
    Raises:
        PathError: the template is not one, or an index is not there.
    """
    text = (
        template if "{" in template else f"{{{template if template.startswith(('.', '[', '$')) else '.' + template}}}"
    )
    pieces = [(found.group(1), found.group(2)) for found in _PIECES.finditer(text)]
    if "".join(f"{{{inner}}}" if inner is not None else outer for inner, outer in pieces) != text:
        raise PathError(f"unclosed action in '{template}'")
    return _render(pieces, data, data)


def _render(pieces: list[tuple[str | None, str | None]], data: Any, root: Any) -> str:
    out, at = [], 0
    while at < len(pieces):
        inner, outer = pieces[at]
        at += 1
        if inner is None:
            out.append(outer or "")
            continue
        word = inner.strip()
        if word.startswith("range"):
            end = _end_of(pieces, at)
            out += [_render(pieces[at:end], each, root) for each in find(word[5:].strip(), data, root)]
            at = end + 1
        elif word[:1] in ("'", '"'):
            out.append(word[1:-1].encode().decode("unicode_escape"))
        else:
            out.append(" ".join(_text(each) for each in find(word, data, root)))
    return "".join(out)


def _end_of(pieces: list[tuple[str | None, str | None]], at: int) -> int:
    depth = 1
    for index in range(at, len(pieces)):
        word = (pieces[index][0] or "").strip()
        depth += 1 if word.startswith("range") else -1 if word == "end" else 0
        if not depth:
            return index
    raise PathError("range without an end")


def find(path: str, data: Any, root: Any = None) -> list[Any]:
    """
    Return everything *path* leads to, from *data* on.

    Raises:
        PathError: the path cannot be read, or an index is not there.
    """
    start, found = (root, path[1:]) if path.startswith("$") else (data, path.removeprefix("@"))
    here, place = [start], 0
    if found and found[0] not in ".[":
        found = f".{found}"
    while place < len(found):
        step = _STEP.match(found, place)
        if step is None:
            raise PathError(f"unrecognized character in '{path}'")
        place = step.end()
        here = [each for one in here for each in _step(step, one, root)]
    return here


def _step(step: re.Match[str], here: Any, root: Any) -> list[Any]:
    if step["filter"] is not None:
        rows = here if isinstance(here, list) else list(here.values()) if isinstance(here, dict) else []
        return [row for row in rows if _holds(step["filter"], row, root)]
    if step["quoted"] is not None:
        # A dot in quotes parts names as well, unless escaped: kubectl 1.32 says so.
        return find(f".{step['quoted']}", here, root)
    if step["field"] is not None:
        return _field(re.sub(r"\\(.)", r"\1", step["field"]), here)
    if step["index"] is not None and step["index"].strip() != "*":
        return _indexed(step["index"].strip(), here)
    if step["deep"]:
        return _everything(here)
    return here if isinstance(here, list) else list(here.values()) if isinstance(here, dict) else []


def _field(name: str, here: Any) -> list[Any]:
    return [here[name]] if isinstance(here, dict) and name in here and here[name] is not None else []


def _indexed(index: str, here: Any) -> list[Any]:
    if not isinstance(here, list):
        return []
    if ":" in index:
        low, _, high = index.partition(":")
        return here[int(low or 0) : int(high) if high else None]
    try:
        return [here[int(index)]]
    except IndexError:
        raise PathError(f"array index out of bounds: index {index}, length {len(here)}") from None
    except ValueError:
        raise PathError(f"invalid array index {index}") from None


def _everything(here: Any) -> list[Any]:
    below = here if isinstance(here, list) else list(here.values()) if isinstance(here, dict) else []
    return [here, *(each for one in below for each in _everything(one))]


def _holds(text: str, row: Any, root: Any) -> bool:
    test = _FILTER.match(text)
    if test is None:
        raise PathError(f"invalid filter '{text}'")
    found = find(test["path"], row, root)
    if test["op"] is None:
        return bool(found)
    value = test["value"]
    wanted: Any = value[1:-1] if value[:1] in ("'", '"') else json.loads(value)
    left = found[0] if found else None
    if test["op"] in ("==", "!="):
        return (left == wanted) is (test["op"] == "==") and left is not None
    if left is None or type(left) is not type(wanted):
        return False
    return bool({">": left > wanted, "<": left < wanted, ">=": left >= wanted, "<=": left <= wanted}[test["op"]])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
