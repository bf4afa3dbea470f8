"""The rich_text block: sections, lists, quotes and preformatted text, down to the single words."""

from collections.abc import Mapping
from typing import Final

from sandbox.workspace.shapes import Check, array, by_type, flag, number, shape, string, word

_ID: Final = string(most=30, least=1)
_STYLE: Final[Mapping[str, Check]] = {
    "style": shape(
        {},
        {
            "bold": flag,
            "italic": flag,
            "strike": flag,
            "code": flag,
            "underline": flag,
            "highlight": flag,
            "client_highlight": flag,
            "unlink": flag,
        },
    )
}
_WORDS: Final[Mapping[str, Check]] = {
    "text": shape({"text": string(most=12_000)}, _STYLE),
    "link": shape({"url": string(most=3000)}, {**_STYLE, "text": string(most=3000), "unsafe": flag}),
}
_PART: Final = by_type(
    {
        **_WORDS,
        "emoji": shape(
            {"name": string(most=100)},
            {**_STYLE, "unicode": string(most=100), "skin_tone": number(least=1, most=6)},
        ),
        "user": shape({"user_id": _ID}, _STYLE),
        "usergroup": shape({"usergroup_id": _ID}, _STYLE),
        "channel": shape({"channel_id": _ID}, _STYLE),
        "broadcast": shape({"range": string(most=10)}, _STYLE),
        "date": shape(
            {"timestamp": number(), "format": string(most=100)},
            {**_STYLE, "url": string(most=3000), "fallback": string(most=100)},
        ),
        "color": shape({"value": string(most=9)}, _STYLE),
        "team": shape({"team_id": _ID}, _STYLE),
    }
)
_BORDER: Final[Mapping[str, Check]] = {"border": number(most=1)}
_SECTION: Final = shape({"elements": array(_PART, most=1000, least=0)})
_PARTS: Final = array(_PART, most=1000, least=0)
_ELEMENT: Final = by_type(
    {
        "rich_text_section": _SECTION,
        "rich_text_list": shape(
            {
                "elements": array(by_type({"rich_text_section": _SECTION}), most=1000),
                "style": word("bullet", "ordered"),
            },
            {**_BORDER, "indent": number(most=8), "offset": number()},
        ),
        "rich_text_quote": shape({"elements": _PARTS}, _BORDER),
        "rich_text_preformatted": shape(
            {"elements": array(by_type(_WORDS), most=1000, least=0)}, {**_BORDER, "language": string(most=50)}
        ),
    }
)
RICH_TEXT: Final = shape(
    {"type": word("rich_text"), "elements": array(_ELEMENT, most=100)},
    {"block_id": string(most=255, least=1)},
)
