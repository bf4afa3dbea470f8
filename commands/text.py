"""
Text for replies: what people and hosts wrote made harmless, lengths bounded, times and numbers in words.

A reply is light Markdown, so a reason like "*approved* <!channel>" must come out as just these characters.
Marks that would mean something are replaced by ones that look alike; names and commands go in `code` instead.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from commands.grammar import hidden

#: A message has room for 3,000 characters; some are kept for what a front-end adds.
LIMIT = 2_900
#: Names listed before "and 12 more".
SOME = 8

_LOOK_ALIKE = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ", "<": "‹", ">": "›"})
_IN_CODE = str.maketrans({"`": "ˋ", "<": "‹", ">": "›"})
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
#: ":white_check_mark:" would show as a mark of approval.
_EMOJI = re.compile(r":(?=[a-z0-9_+'-]+:)")


def one_line(text: str) -> str:
    """White space to single spaces; what cannot be seen, or turns text around, to "�"."""
    flat = "".join("�" if hidden(c) and not c.isspace() else c for c in text)
    return " ".join(flat.split())


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plain(text: str, limit: int = 300) -> str:
    """Return what a person or a host wrote as one line that carries no markup."""
    flat = cut(one_line(text), limit)
    flat = _EMOJI.sub("∶", flat.translate(_LOOK_ALIKE))
    return _EDGE_UNDERSCORE.sub("＿", flat).replace("](", "] (")


def code(text: str, limit: int = 300) -> str:
    """Return *text* as one `code` span; nothing in it can end the span."""
    return f"`{cut(one_line(text), limit).translate(_IN_CODE) or ' '}`"


def fence(text: str) -> str:
    """Return *text* as a fenced block of a Markdown document: the fence is longer than any run of backticks in it."""
    clean = "".join("�" if hidden(c) and c not in "\n\t" else c for c in text.replace("\r\n", "\n"))
    longest = max((len(run) for run in re.findall(r"`+", clean)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}\n{clean.rstrip(chr(10))}\n{marks}"


def fit(lines: Iterable[str], limit: int = LIMIT) -> str:
    """
    Join *lines* into at most *limit* characters; what does not fit is counted: "… and 12 more".

    A "&" counts as five: a front-end may have to write "&amp;".
    """
    kept: list[str] = []
    rest = list(lines)
    room = limit - len("\n… and 1,000,000 more")
    if sum(size(line) + 1 for line in rest) - 1 <= limit:
        return "\n".join(rest)
    used = 0
    while rest and used + size(rest[0]) + 1 <= room:
        used += size(rest[0]) + 1
        kept.append(rest.pop(0))
    if not kept:
        line = rest.pop(0)
        kept.append(cut(line, room - 4 * line[:room].count("&")))
    return "\n".join([*kept, f"… and {len(rest):,} more"]) if rest else "\n".join(kept)


def size(line: str) -> int:
    """How many characters *line* may take once a front-end has escaped it."""
    return len(line) + 4 * line.count("&")


def some(items: Sequence[str], limit: int = SOME) -> str:
    """List the first *limit*: "a, b, c and 12 more"."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def count(number: int, noun: str) -> str:
    """Say "1 host", "3 hosts"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Say "40 s", "6 min 12 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3_600} h" + (f" {whole % 3_600 // 60} min" if whole % 3_600 // 60 else "")


def clock(at: datetime, now: datetime | None = None) -> str:
    """Say "12:43:10 UTC", with the date where it is not today's."""
    same_day = now is not None and at.date() == now.date()
    return f"{at:%H:%M:%S} UTC" if same_day else f"{at:%Y-%m-%d %H:%M:%S} UTC"
