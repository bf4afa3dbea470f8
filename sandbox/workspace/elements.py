"""Block elements: the shapes Slack accepts, with its limits (facts: Slack's Block Kit reference)."""

from collections.abc import Mapping
from typing import Final

from sandbox.workspace.shapes import Check, any_of, array, by_type, flag, number, shape, string, text, word

PLAIN: Final = "plain_text"
ID: Final = string(most=255, least=1)
URL: Final = string(most=3000, least=1)

CONFIRM: Final = shape(
    {
        "title": text(PLAIN, most=100),
        "text": text(most=300),
        "confirm": text(PLAIN, most=30),
        "deny": text(PLAIN, most=30),
    },
    {"style": word("primary", "danger")},
)


def _option(label: Check, *, value: int) -> Check:
    return shape({"text": label, "value": string(most=value)}, {"description": text(PLAIN, most=75), "url": URL})


_PLAIN_OPTION: Final = _option(text(PLAIN, most=75), value=150)
_RICH_OPTION: Final = shape({"text": text(most=75), "value": string(most=150)}, {"description": text(most=75)})
_GROUP: Final = shape({"label": text(PLAIN, most=75), "options": array(_PLAIN_OPTION, most=100)})

_ACTS: Final[Mapping[str, Check]] = {"action_id": ID, "confirm": CONFIRM}
_FOCUS: Final[Mapping[str, Check]] = {**_ACTS, "focus_on_load": flag}
_HOLD: Final[Mapping[str, Check]] = {**_FOCUS, "placeholder": text(PLAIN, most=150)}

BUTTON: Final = shape(
    {"text": text(PLAIN, most=75)},
    {
        **_ACTS,
        "value": string(most=2000),
        "url": URL,
        "style": word("primary", "danger"),
        "accessibility_label": string(most=75),
    },
)
_SELECT: Final = any_of(
    ("options", "option_groups"),
    shape(
        {},
        {
            **_HOLD,
            "options": array(_PLAIN_OPTION, most=100),
            "option_groups": array(_GROUP, most=100),
            "initial_option": _PLAIN_OPTION,
        },
    ),
)
_MULTI_SELECT: Final = shape(
    {},
    {
        **_HOLD,
        "options": array(_PLAIN_OPTION, most=100),
        "option_groups": array(_GROUP, most=100),
        "initial_options": array(_PLAIN_OPTION, most=100),
        "max_selected_items": number(least=1),
    },
)
_CHECKBOXES: Final = shape(
    {"options": array(_RICH_OPTION, most=10)}, {**_FOCUS, "initial_options": array(_RICH_OPTION, most=10)}
)
_RADIO: Final = shape({"options": array(_RICH_OPTION, most=10)}, {**_FOCUS, "initial_option": _RICH_OPTION})
_USERS: Final = shape({}, {**_HOLD, "initial_user": string(most=30)})
_CONVERSATIONS: Final = shape(
    {}, {**_HOLD, "initial_conversation": string(most=30), "default_to_current_conversation": flag}
)
_DATE: Final = shape({}, {**_HOLD, "initial_date": string(most=10)})
_TIME: Final = shape({}, {**_HOLD, "initial_time": string(most=5), "timezone": string(most=100)})
IMAGE: Final = any_of(
    ("image_url", "slack_file"),
    shape(
        {"alt_text": string(most=2000, least=1)},
        {"image_url": URL, "slack_file": shape({}, {"id": string(most=30), "url": URL})},
    ),
)
_DISPATCH: Final = shape({}, {"trigger_actions_on": array(word("on_enter_pressed", "on_character_entered"), most=2)})
PLAIN_INPUT: Final = shape(
    {},
    {
        **_HOLD,
        "initial_value": string(most=3000),
        "multiline": flag,
        "min_length": number(most=3000),
        "max_length": number(least=1, most=3000),
        "dispatch_action_config": _DISPATCH,
    },
)
_ONE_LINE: Final = shape({}, {**_HOLD, "initial_value": string(most=3000), "dispatch_action_config": _DISPATCH})
_NUMBER: Final = shape(
    {"is_decimal_allowed": flag},
    {
        **_HOLD,
        "initial_value": string(most=30),
        "min_value": string(most=30),
        "max_value": string(most=30),
        "dispatch_action_config": _DISPATCH,
    },
)

#: Elements that can be clicked or chosen outside an input.
ACTING: Final[Mapping[str, Check]] = {
    "button": BUTTON,
    "static_select": _SELECT,
    "users_select": _USERS,
    "conversations_select": _CONVERSATIONS,
    "channels_select": shape({}, {**_HOLD, "initial_channel": string(most=30)}),
    "overflow": shape({"options": array(_PLAIN_OPTION, most=5)}, _ACTS),
    "checkboxes": _CHECKBOXES,
    "radio_buttons": _RADIO,
    "datepicker": _DATE,
    "timepicker": _TIME,
}
_MULTI: Final[Mapping[str, Check]] = {
    "multi_static_select": _MULTI_SELECT,
    "multi_users_select": shape(
        {}, {**_HOLD, "initial_users": array(string(most=30), most=100), "max_selected_items": number(least=1)}
    ),
}
IN_ACTIONS: Final = by_type({**ACTING, **_MULTI})
IN_SECTION: Final = by_type({**ACTING, **_MULTI, "image": IMAGE})
IN_INPUT: Final = by_type(
    {
        **{name: check for name, check in {**ACTING, **_MULTI}.items() if name not in ("button", "overflow")},
        "plain_text_input": PLAIN_INPUT,
        "email_text_input": _ONE_LINE,
        "url_text_input": _ONE_LINE,
        "number_input": _NUMBER,
    }
)
