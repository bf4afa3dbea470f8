"""Blocks: what Slack accepts in a message, a modal and a home tab, and how it fills in what was left out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.workspace.elements import ID, IMAGE, IN_ACTIONS, IN_INPUT, IN_SECTION, PLAIN, URL
from sandbox.workspace.ids import fresh_id
from sandbox.workspace.messages import acting_elements
from sandbox.workspace.rich_text import RICH_TEXT
from sandbox.workspace.shapes import (
    Check,
    Problem,
    any_of,
    anything,
    array,
    by_type,
    flag,
    number,
    real,
    shape,
    string,
    text,
    word,
)

Json = dict[str, Any]
MOST_BLOCKS: Final = {"message": 50, "modal": 100, "home": 100}
#: Measured by others as about 13,200; all text of all blocks of one message together.
MOST_TEXT: Final = 13_200

_BLOCK: Final[Mapping[str, Check]] = {"block_id": ID}
_OBJECT: Final = shape({}, {"id": string(most=30), "url": URL})
_TASK: Final = shape(
    {
        "task_id": string(most=255, least=1),
        "title": string(most=255, least=1),
        "status": word("pending", "in_progress", "complete", "error"),
    },
    {
        **_BLOCK,
        "details": RICH_TEXT,
        "output": RICH_TEXT,
        "sources": array(shape({"url": URL, "text": string(most=255)}), most=50, least=0),
        "icon": anything,
        "hide_title": flag,
    },
)


_PLAIN_CELL: Final = by_type(
    {
        "raw_text": shape({"text": string(most=3000)}),
        "raw_number": shape({"text": string(most=3000), "value": real}),
    }
)


def _cell(value: Any, at: str) -> Iterator[Problem]:
    if isinstance(value, dict) and value.get("type") == "rich_text":
        yield from RICH_TEXT(value, at)
    else:
        yield from _PLAIN_CELL(value, at)


_COLUMN: Final = shape({}, {"align": word("left", "center", "right"), "is_wrapped": flag})


def _context_element(value: Any, at: str) -> Iterator[Problem]:
    kind = value.get("type") if isinstance(value, dict) else None
    yield from (IMAGE if kind == "image" else text(most=2000))(value, at)


_SECTION: Final = any_of(
    ("text", "fields"),
    shape(
        {},
        {
            **_BLOCK,
            "text": text(most=3000),
            "fields": array(text(most=2000), most=10),
            "accessory": IN_SECTION,
            "expand": flag,
        },
    ),
)
_EVERYWHERE: Final[Mapping[str, Check]] = {
    "section": _SECTION,
    "header": shape({"text": text(PLAIN, most=150)}, {**_BLOCK, "level": number(least=1, most=4)}),
    "context": shape({"elements": array(_context_element, most=10)}, _BLOCK),
    "actions": shape({"elements": array(IN_ACTIONS, most=25)}, _BLOCK),
    "divider": shape({}, _BLOCK),
    "image": any_of(
        ("image_url", "slack_file"),
        shape(
            {"alt_text": string(most=2000)},
            {**_BLOCK, "image_url": URL, "slack_file": _OBJECT, "title": text(PLAIN, most=2000)},
        ),
    ),
    "rich_text": RICH_TEXT,
    "input": shape(
        {"label": text(PLAIN, most=2000), "element": IN_INPUT},
        {**_BLOCK, "hint": text(PLAIN, most=2000), "optional": flag, "dispatch_action": flag},
    ),
}
_IN_MESSAGE: Final[Mapping[str, Check]] = {
    "markdown": shape({"text": string(most=12_000, least=1)}, _BLOCK),
    "table": shape(
        {"rows": array(array(_cell, most=20), most=100)},
        {**_BLOCK, "column_settings": array(_COLUMN, most=20, least=0)},
    ),
    "plan": shape({"title": string(most=255, least=1)}, {**_BLOCK, "tasks": array(_TASK, most=50, least=0)}),
    "task_card": _TASK,
}
_IN_MODAL: Final[Mapping[str, Check]] = {
    "alert": shape(
        {"text": text(most=3000)},
        {**_BLOCK, "level": word("default", "info", "warning", "error", "success")},
    ),
}
_SURFACES: Final[Mapping[str, Mapping[str, Check]]] = {
    "message": {**_EVERYWHERE, **_IN_MESSAGE},
    "modal": {**_EVERYWHERE, **_IN_MODAL},
    "home": _EVERYWHERE,
}


def check_blocks(blocks: Any, surface: str, at: str = "/blocks") -> list[Problem]:
    """Everything Slack would refuse in *blocks* on a "message", "modal" or "home" surface."""
    return list(_check(blocks, surface, at))


def _check(blocks: Any, surface: str, at: str) -> Iterator[Problem]:
    if not isinstance(blocks, list):
        yield Problem(at, "must be an array")
        return
    if len(blocks) > MOST_BLOCKS[surface]:
        yield Problem(at, f"no more than {MOST_BLOCKS[surface]} items allowed")
    shapes = _SURFACES[surface]
    for index, block in enumerate(blocks):
        here = f"{at}/{index}"
        kind = str(block.get("type")) if isinstance(block, dict) else ""
        if kind not in shapes:
            yield Problem(f"{here}/type", f"unsupported type: {kind}")
        else:
            yield from shapes[kind](block, here)
    if all(isinstance(block, dict) for block in blocks):
        yield from _check_together(blocks, at)


def _check_together(blocks: list[Json], at: str) -> Iterator[Problem]:
    """What only shows when all blocks are seen: ids used twice, a second table."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        id_ = str(block.get("block_id") or "")
        if id_ in seen:
            yield Problem(f"{at}/{index}/block_id", f'block_id "{id_}" already exists')
        seen |= {id_} if id_ else set()
        elements = block.get("elements")
        known = elements if isinstance(elements, list) else []
        acts = [str(each.get("action_id") or "") for each in known if isinstance(each, dict)]
        twice = {each for each in acts if each and acts.count(each) > 1}
        for action in sorted(twice):
            yield Problem(f"{at}/{index}/elements", f'action_id "{action}" already exists for this block')
    tables = [index for index, block in enumerate(blocks) if block.get("type") == "table"]
    for index in tables[1:]:
        yield Problem(f"{at}/{index}", "only one table allowed")
    markdown = sum(len(str(block.get("text"))) for block in blocks if block.get("type") == "markdown")
    if markdown > 12_000:
        yield Problem(at, "markdown blocks together must be less than 12001 characters")


def text_size(value: Any) -> int:
    """Characters of all shown text in blocks."""
    if isinstance(value, list):
        return sum(text_size(each) for each in value)
    if not isinstance(value, dict):
        return 0
    own = value.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(text_size(each) for each in value.values())


def fill_in(blocks: list[Json]) -> list[Json]:
    """The blocks as Slack stores them: ids given, `emoji` and `verbatim` said."""
    filled = [_say_flags({**block, "block_id": block.get("block_id") or fresh_id("")[1:6]}) for block in blocks]
    for _, element in acting_elements(filled):
        if element["type"] != "image":
            element.setdefault("action_id", fresh_id("")[1:6])
    return filled


def _say_flags(value: Any) -> Any:
    if isinstance(value, list):
        return [_say_flags(each) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _say_flags(each) for key, each in value.items() if each is not None}
    if copy.get("type") == "plain_text":
        copy.setdefault("emoji", True)
    if copy.get("type") == "mrkdwn":
        copy.setdefault("verbatim", False)
    return copy
