"""The input elements of a view: what they hold at first, what a person put in, and what the client checks."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.workspace.errors import PersonError
from sandbox.workspace.messages import acting_elements

Json = dict[str, Any]

#: Element type -> (key in the state, key of the initial value, several at once, chosen among options).
_KINDS: Final[Mapping[str, tuple[str, str, bool, bool]]] = {
    "plain_text_input": ("value", "initial_value", False, False),
    "email_text_input": ("value", "initial_value", False, False),
    "url_text_input": ("value", "initial_value", False, False),
    "number_input": ("value", "initial_value", False, False),
    "static_select": ("selected_option", "initial_option", False, True),
    "radio_buttons": ("selected_option", "initial_option", False, True),
    "overflow": ("selected_option", "", False, True),
    "checkboxes": ("selected_options", "initial_options", True, True),
    "multi_static_select": ("selected_options", "initial_options", True, True),
    "users_select": ("selected_user", "initial_user", False, False),
    "multi_users_select": ("selected_users", "initial_users", True, False),
    "conversations_select": ("selected_conversation", "initial_conversation", False, False),
    "channels_select": ("selected_channel", "initial_channel", False, False),
    "datepicker": ("selected_date", "initial_date", False, False),
    "timepicker": ("selected_time", "initial_time", False, False),
}
REQUIRED_SENTENCE: Final = "Please complete this required field."


def options_of(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", ()) for option in group["options"]]
    return [*element.get("options", ()), *grouped]


def chosen(element: Json, given: Any) -> Json:
    """
    The element's entry in `state.values` (without type) for what a person *gave*: text, an option's value, ids.

    Raises:
        PersonError: no such option.
    """
    key, _, several, among_options = _KINDS[element["type"]]
    if not among_options:
        return {key: given if given not in ("", []) else None}
    if given in (None, ""):
        return {key: [] if several else None}
    wanted = list(given) if several else [given]
    by_value = {option["value"]: option for option in options_of(element)}
    for value in wanted:
        if value not in by_value:
            raise PersonError(f"there is no option '{value}'; there are {', '.join(map(repr, by_value))}")
    found = [by_value[value] for value in wanted]
    return {key: found if several else found[0]}


def initial(element: Json) -> Json:
    key, first, several, among_options = _KINDS[element["type"]]
    value = element.get(first)
    return {key: [] if value is None and several and among_options else value}


def state_values(blocks: list[Json], given: Mapping[str, Any], before: Json) -> Json:
    """
    `view.state.values`: every input with what it holds; untouched ones keep *before* or their initial value.

    *given* is keyed by action_id or block_id.

    Raises:
        PersonError: a key of *given* is no field of these blocks.
    """
    values: dict[str, Json] = {}
    left = dict(given)
    for block, element in acting_elements(blocks):
        if element["type"] not in _KINDS or element["type"] == "overflow":
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        key = action_id if action_id in left else block_id
        if key in left:
            held = chosen(element, left.pop(key))
        else:
            old = before.get(block_id, {}).get(action_id)
            held = {name: each for name, each in old.items() if name != "type"} if old else initial(element)
        values.setdefault(block_id, {})[action_id] = {"type": element["type"], **held}
    if left:
        fields = ", ".join(action for block in values.values() for action in block)
        raise PersonError(f"there is no field {', '.join(left)}; there are {fields}")
    return values


def check_inputs(blocks: list[Json], values: Json) -> dict[str, str]:
    """What the client says before it sends anything: block_id -> sentence."""
    errors: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = values[block["block_id"]][element["action_id"]]
        value = next(each for name, each in held.items() if name != "type")
        if not value and not block.get("optional"):
            errors[block["block_id"]] = REQUIRED_SENTENCE
        elif isinstance(value, str) and len(value) > element.get("max_length", 3000):
            errors[block["block_id"]] = f"Must be at most {element.get('max_length', 3000)} characters."
        elif isinstance(value, str) and len(value) < element.get("min_length", 0):
            errors[block["block_id"]] = f"Must be at least {element['min_length']} characters."
    return errors


def action_of(block: Json, element: Json, given: Any, action_ts: str) -> Json:
    """The entry of `actions` in block_actions for a click on, or a choice in, *element*."""
    action = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    if element["type"] != "button":
        return action | chosen(element, given)
    copied = {name: element[name] for name in ("text", "value", "style", "url", "confirm") if name in element}
    return action | copied
