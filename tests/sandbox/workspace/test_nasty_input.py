"""Nonsense is refused, never a crash; and what is accepted is something Slack's own types accept too."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from sandbox.workspace import Workspace
from sandbox.workspace.api import METHODS
from sandbox.workspace.blocks import check_blocks, fill_in
from tests.sandbox.workspace.conftest import Caller
from tests.sandbox.workspace.slack_truth import method as definition_of
from tests.sandbox.workspace.slack_truth import schema
from tests.sandbox.workspace.test_blocks import CONFIRM, GOOD, SELECT, actions, button

Json = dict[str, Any]
NONSENSE: list[Any] = [
    None,
    "",
    "x",
    "{",
    "[]",
    -1,
    True,
    [],
    {},
    [1],
    [[]],
    {"type": 1},
    {"type": []},
    [{"type": "nope"}],
]


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_no_argument_crashes_a_method(workspace: Workspace, call: Caller, name: str) -> None:
    definition = definition_of(name) or {"args": {"properties": {"limit": {}, "cursor": {}, "types": {}}}}
    message = workspace.person("ana").say("#inc-482", "x")
    sound = {
        "channel": message.channel,
        "user": workspace.person("ana").id,
        "text": "x",
        "ts": message.ts,
        "name": "eyes",
    }
    for argument in set(definition["args"]["properties"]) - {"token"}:
        for value in NONSENSE:
            await call(name, **{**sound, argument: value})
            assert call.last_status == 200, (argument, value)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    result = copy.deepcopy(value)
    here = result
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = new
    return result


OPTIONS: list[Json] = [{"text": {"type": "plain_text", "text": "One"}, "value": "1"}]
RICH: Json = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_list", "style": "bullet", "elements": [{"type": "rich_text_section", "elements": []}]},
        {"type": "rich_text_quote", "elements": [{"type": "link", "url": "https://e.org"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]},
    ],
}
START = [
    *GOOD,
    RICH,
    {"type": "table", "rows": [[{"type": "raw_number", "value": 1, "text": "1"}, RICH]]},
    actions(button(confirm=CONFIRM, value="v"), SELECT),
    *(
        actions({"type": kind, "action_id": "c", "options": OPTIONS})
        for kind in ("overflow", "checkboxes", "radio_buttons", "multi_static_select")
    ),
    actions({"type": "users_select", "action_id": "u"}, {"type": "datepicker", "action_id": "d"}),
    *(
        {"type": "input", "label": {"type": "plain_text", "text": "L"}, "element": element}
        for element in (
            SELECT,
            {"type": "plain_text_input", "action_id": "i", "multiline": True, "max_length": 10},
            {"type": "number_input", "action_id": "n", "is_decimal_allowed": False},
            {"type": "email_text_input", "action_id": "e"},
        )
    ),
]
TYPES = Draft7Validator({"$ref": "#/definitions/Blocks", "definitions": schema()["definitions"]})


@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_accepted_blocks_are_slacks(data: st.DataObject) -> None:
    block = data.draw(st.sampled_from(START))
    path = data.draw(st.sampled_from(list(places(block))))
    blocks = [changed(block, path, data.draw(st.sampled_from(NONSENSE)))]

    if not check_blocks(blocks, "message"):
        filled = fill_in(blocks)
        assert TYPES.is_valid(filled), json.dumps(filled)
