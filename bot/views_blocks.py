"""
The pieces Slack's messages and dialogs are made of, as plain dicts within Slack's limits.

Plain dicts, for the SDK's models lag behind Slack. Limits: Block Kit reference (section 3,000 characters, header 150,
button label 75 and value 2,000, confirmation title 100 and text 300, dialog title and buttons 24, option 75).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.mrkdwn import plain_text

Json = dict[str, Any]

#: Slack refuses a message whose texts together pass about 13,200 characters; ours stay under this.
MOST_TEXT = 12_000
MOST_BLOCKS = 50


def text_of(words: str, limit: int) -> Json:
    return {"type": "plain_text", "text": plain_text(words, limit), "emoji": False}


def mrkdwn(text: str) -> Json:
    """`verbatim`: clients link nothing by themselves, neither addresses nor names of channels."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(words: str) -> Json:
    return {"type": "header", "text": text_of(words, 150)}


def section(text: str, accessory: Json | None = None) -> Json:
    """*text* is mrkdwn of at most 3,000 characters, escaped by whoever made it."""
    return {"type": "section", "text": mrkdwn(text)} | ({"accessory": accessory} if accessory else {})


def context(text: str) -> Json:
    """Small print; *text* as in `section`, at most 2,000 characters."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def divider() -> Json:
    return {"type": "divider"}


def actions(elements: Sequence[Json]) -> Json:
    return {"type": "actions", "elements": list(elements)}


def button(
    label: str, action_id: str, value: str, *, spoken: str = "", style: str = "", confirm: Json | None = None
) -> Json:
    """A button; *spoken* is what a screen reader says, where the label alone is not enough."""
    element: Json = {"type": "button", "text": text_of(label, 75), "action_id": action_id, "value": value}
    element |= {"accessibility_label": plain_text(spoken, 75)} if spoken else {}
    element |= {"style": style} if style else {}
    return element | ({"confirm": confirm} if confirm else {})


def confirmation(title: str, text: str, yes: str, no: str, *, style: str = "") -> Json:
    dialog: Json = {
        "title": text_of(title, 100),
        "text": text_of(text, 300),
        "confirm": text_of(yes, 30),
        "deny": text_of(no, 30),
    }
    return dialog | ({"style": style} if style else {})


def option(label: str, value: str) -> Json:
    return {"text": text_of(label, 75), "value": value[:150]}


def select(action_id: str, options: Sequence[Json], *, initial: str = "", placeholder: str = "") -> Json:
    """A menu of at most 100 options."""
    element: Json = {"type": "static_select", "action_id": action_id, "options": list(options)[:100]}
    chosen = [each for each in element["options"] if each["value"] == initial]
    element |= {"initial_option": chosen[0]} if chosen else {}
    return element | ({"placeholder": text_of(placeholder, 150)} if placeholder else {})


def text_input(action_id: str, *, most: int, multiline: bool = False, least: int = 0, placeholder: str = "") -> Json:
    element: Json = {"type": "plain_text_input", "action_id": action_id, "multiline": multiline, "max_length": most}
    element |= {"min_length": least} if least else {}
    return element | ({"placeholder": text_of(placeholder, 150)} if placeholder else {})


def labelled(
    block_id: str,
    label: str,
    element: Mapping[str, Any],
    *,
    hint: str = "",
    optional: bool = False,
    tells: bool = False,
) -> Json:
    """An input with its label; *tells*: Belay hears of a change before the dialog is sent."""
    block: Json = {
        "type": "input",
        "block_id": block_id,
        "label": text_of(label, 2_000),
        "element": dict(element),
        "optional": optional,
    }
    block |= {"hint": text_of(hint, 2_000)} if hint else {}
    return block | ({"dispatch_action": True} if tells else {})


def modal(title: str, callback_id: str, blocks: Sequence[Json], *, submit: str = "", metadata: str = "") -> Json:
    view: Json = {
        "type": "modal",
        "callback_id": callback_id,
        "title": text_of(title, 24),
        "close": text_of("Close" if not submit else "Cancel", 24),
        "private_metadata": metadata,
        "blocks": list(blocks)[:100],
    }
    return view | ({"submit": text_of(submit, 24)} if submit else {})
