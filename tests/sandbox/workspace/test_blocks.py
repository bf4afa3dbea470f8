"""What blocks the workspace accepts: Slack's limits, and never more than Slack's own types allow."""

from typing import Any

import pytest

from sandbox.workspace.blocks import check_blocks, fill_in
from sandbox.workspace.emoji import canonical
from sandbox.workspace.view_shape import check_view
from tests.sandbox.workspace.slack_truth import check_type

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> Json:
    return {"type": "button", "action_id": "a", "text": plain("Go"), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


RICH: Json = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "x", "style": {"bold": True}},
                {"type": "user", "user_id": "U1"},
                {"type": "date", "timestamp": 1, "format": "{time}"},
            ],
        }
    ],
}
TASK: Json = {"type": "task_card", "task_id": "t", "title": "Stop", "status": "in_progress", "details": RICH}
CONFIRM: Json = {"title": plain("Sure?"), "text": mrkdwn("x"), "confirm": plain("Yes"), "deny": plain("No")}
SELECT: Json = {"type": "static_select", "action_id": "s", "options": [{"text": plain("One"), "value": "1"}]}

GOOD = [
    {"type": "divider"},
    {"type": "header", "text": plain("x" * 150)},
    {"type": "section", "text": mrkdwn("x" * 3000), "fields": [mrkdwn("y")] * 10, "accessory": button()},
    {"type": "context", "elements": [mrkdwn("x"), {"type": "image", "image_url": "https://e.org/a", "alt_text": "a"}]},
    actions(button(value="v" * 2000, style="danger", confirm=CONFIRM), SELECT),
    {"type": "input", "label": plain("L"), "element": {"type": "plain_text_input", "action_id": "i"}},
    RICH,
    {"type": "markdown", "text": "# x"},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]], "column_settings": [{"align": "right"}]},
    {"type": "plan", "title": "Steps", "tasks": [TASK]},
    TASK,
    {"type": "image", "image_url": "https://e.org/a.png", "alt_text": "a"},
]


@pytest.mark.parametrize("block", GOOD, ids=lambda each: each["type"])
def test_good_blocks_pass_here_and_in_slacks_own_types(block: Json) -> None:
    assert check_blocks([block], "message") == []
    check_type("Blocks", [block])
    check_type("Blocks", fill_in([block]))


@pytest.mark.parametrize(
    ("block", "pointer", "message"),
    [
        ({"type": "nope"}, "/blocks/0/type", "unsupported type: nope"),
        ({"type": "alert", "text": plain("x")}, "/blocks/0/type", "unsupported type: alert"),
        ({"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text", "must be less than 151 characters"),
        ({"type": "header", "text": mrkdwn("x")}, "/blocks/0/text/type", "must be one of plain_text"),
        ({"type": "section"}, "/blocks/0", "missing required field: text or fields"),
        ({"type": "section", "text": mrkdwn("x" * 3001)}, "/blocks/0/text/text", "must be less than 3001 characters"),
        ({"type": "section", "text": mrkdwn("")}, "/blocks/0/text/text", "must be more than 0 characters"),
        ({"type": "section", "text": "x"}, "/blocks/0/text", "must be an object with type and text"),
        ({"type": "section", "fields": [mrkdwn("x")] * 11}, "/blocks/0/fields", "no more than 10 items allowed"),
        ({"type": "divider", "colour": "red"}, "/blocks/0", "invalid additional property: colour"),
        ({"type": "context", "elements": [mrkdwn("x")] * 11}, "/blocks/0/elements", "no more than 10 items allowed"),
        (actions(), "/blocks/0/elements", "no fewer than 1 items allowed"),
        (
            actions(*[button(action_id=f"a{n}") for n in range(26)]),
            "/blocks/0/elements",
            "no more than 25 items allowed",
        ),
        (actions(button(), button()), "/blocks/0/elements", 'action_id "a" already exists for this block'),
        (actions(button(text=plain("x" * 76))), "/blocks/0/elements/0/text/text", "must be less than 76 characters"),
        (actions(button(value="x" * 2001)), "/blocks/0/elements/0/value", "must be less than 2001 characters"),
        (actions(button(style="blue")), "/blocks/0/elements/0/style", "must be one of primary, danger"),
        (actions({**SELECT, "options": []}), "/blocks/0/elements/0/options", "no fewer than 1 items allowed"),
        ({**TASK, "status": "completed"}, "/blocks/0/status", "must be one of pending, in_progress, complete, error"),
        (
            {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101},
            "/blocks/0/rows",
            "no more than 100 items allowed",
        ),
        ({"type": "markdown", "text": "x" * 12_001}, "/blocks/0/text", "must be less than 12001 characters"),
    ],
)
def test_bad_blocks_are_refused_with_the_place(block: Json, pointer: str, message: str) -> None:
    problems = [(each.pointer, each.message) for each in check_blocks([block], "message")]

    assert (pointer, message) in problems


def test_what_only_shows_together() -> None:
    twice = [{"type": "divider", "block_id": "b"}] * 2
    table: Json = {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}

    assert [each.message for each in check_blocks(twice, "message")] == ['block_id "b" already exists']
    assert [each.message for each in check_blocks([table, table], "message")] == ["only one table allowed"]
    assert check_blocks([{"type": "divider"}] * 50, "message") == []
    assert check_blocks([{"type": "divider"}] * 51, "message")[0].message == "no more than 50 items allowed"
    assert check_blocks([{"type": "divider"}] * 100, "home") == []


def test_views() -> None:
    good: Json = {"type": "modal", "title": plain("T"), "submit": plain("Go"), "blocks": [GOOD[5]]}

    assert check_view(good, "modal") == []
    assert "less than 25" in check_view({**good, "title": plain("x" * 25)}, "modal")[0].message
    assert "submit is required" in check_view({**good, "submit": None}, "modal")[0].message
    assert check_view({**good, "private_metadata": "x" * 3001}, "modal")[0].pointer == "/view/private_metadata"
    assert check_view({**good, "colour": 1}, "modal")[0].message == "invalid additional property: colour"
    assert check_view({"type": "modal", "title": plain("T")}, "modal")
    assert check_view(good, "home")[0].pointer == "/view/type"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("thumbsup", "+1"),
        ("+1::skin-tone-3", "+1"),
        ("thumbsup::skin-tone-6", "+1"),
        ("white_check_mark", "white_check_mark"),
        ("white_check_mark::skin-tone-2", None),
        ("+1::skin-tone-7", None),
        ("not_an_emoji", None),
        ("", None),
    ],
)
def test_emoji_have_one_name(name: str, expected: str | None) -> None:
    tone = name[name.index("::") :] if expected and "::" in name else ""

    assert canonical(name) == (expected + tone if expected else None)
