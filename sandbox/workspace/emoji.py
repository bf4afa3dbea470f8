"""Names of emoji: which exist, and which are only other names of the same one."""

import json
import re
from pathlib import Path
from typing import Any, Final

_DATA: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "page" / "emoji.json").read_text(encoding="utf-8"))
ALIASES: Final[dict[str, str]] = _DATA["aliases"]
KNOWN: Final[frozenset[str]] = frozenset(_DATA["emoji"])
WITH_SKIN_TONE: Final[frozenset[str]] = frozenset(_DATA["skin_tones"])
_NAME = re.compile(r"(?P<base>[a-z0-9_+'-]+)(?P<tone>::skin-tone-[2-6])?")


def canonical(name: str) -> str | None:
    """
    The one name Slack uses for *name* ("thumbsup" is "+1"), with its skin tone; None if there is no such emoji.

    A skin tone makes another reaction: "+1::skin-tone-3" is not "+1".
    """
    match = _NAME.fullmatch(name.strip(":") if name.count(":") == 2 else name)
    if match is None:
        return None
    base = ALIASES.get(match["base"], match["base"])
    tone = match["tone"] or ""
    if base not in KNOWN or (tone and base not in WITH_SKIN_TONE):
        return None
    return base + tone
