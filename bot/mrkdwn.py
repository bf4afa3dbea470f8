"""
Text for Slack: its mrkdwn, made of our words and of what people and hosts wrote.

What was written outside is always escaped (`escape`, `code`, `pre`, `plain_text`), so that no mention, link, emoji or
formatting in it takes effect; a limit counts the escaped characters, for those are what Slack counts.
Facts: docs.slack.dev, "Formatting text for app surfaces" (the three entities, `<!date>`, `<@U…>`).
"""

import re
from collections.abc import Iterable
from datetime import datetime

from commands.text import cut, one_line, plain
from core.people import Person

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: A plain_text object has no escaping anybody could rely on; these look alike and mean nothing.
_LOOK_ALIKE = str.maketrans({"&": "＆", "<": "‹", ">": "›"})
#: Plain words a client may take for a mention of many.
_MENTION = re.compile(r"@(?=(?:here|channel|everyone)\b)", re.IGNORECASE)


def escape(text: str, limit: int = 300) -> str:
    """Return what a person or a host wrote as one line of at most *limit* characters that carries no markup."""
    return _bounded(plain(_start(text, limit), limit), limit)


def code(text: str, limit: int = 300) -> str:
    """Return *text* as one `code` span; nothing in it can end the span."""
    inside = one_line(_start(text, limit)).replace("`", "ˋ") or " "
    return f"`{_bounded(inside, limit - 2)}`"


def pre(text: str, limit: int = 2_900) -> str:
    """Return *text* as a preformatted block; of a long one its end, for that is where the reason stands."""
    clean = "\n".join(_visible(line) for line in text.replace("\r\n", "\n").split("\n")).strip("\n")
    pieces = [_ENTITIES.get(c, c) for c in _MENTION.sub("＠", clean.replace("`", "ˋ"))]
    room = limit - len("```\n…\n```")
    size = 0
    for start in range(len(pieces), 0, -1):
        size += len(pieces[start - 1])
        if size > room:
            return "```\n…" + "".join(pieces[start:]) + "\n```"
    return "```\n" + ("".join(pieces) or " ") + "\n```"


def entities(text: str, limit: int = 2_900) -> str:
    """Escape a text whose light formatting (*bold*, `code`) is our own: the reply of a command."""
    return _bounded(text, limit)


def plain_text(text: str, limit: int) -> str:
    """Return *text* for a plain_text object, which knows no formatting but shows entities as it likes."""
    return cut(one_line(_start(text, limit)).translate(_LOOK_ALIKE), limit) or "-"


def _start(text: str, limit: int) -> str:
    """As much of *text* as can matter: looking at every character of a pasted log would hold up everybody."""
    return text[: 4 * limit]


def date(at: datetime, form: str = "{time_secs}") -> str:
    """Return *at* in the clock of whoever reads it; in UTC where a client cannot do that."""
    return f"<!date^{int(at.timestamp())}^{form}|{at:%H:%M:%S} UTC>"


def mention(person: Person, team: str) -> str:
    """Return a mention that notifies *person*, or the name where they have no account in *team*."""
    for account in person.accounts:
        prefix, _, user = account.partition("/")
        if prefix == team and re.fullmatch(r"[UW][A-Z0-9]+", user):
            return f"<@{user}>"
    return escape(person.name, 60)


def lines_within(lines: Iterable[str], limit: int) -> str:
    """Join as many whole *lines* as fit into *limit* characters; what does not fit is counted."""
    rest = list(lines)
    kept: list[str] = []
    room = limit - len("\n… and 1,000,000 more")
    if sum(len(line) + 1 for line in rest) <= limit:
        return "\n".join(rest)
    while rest and sum(len(line) + 1 for line in kept) + len(rest[0]) <= room:
        kept.append(rest.pop(0))
    return "\n".join([*kept, f"… and {len(rest):,} more"])


def _visible(line: str) -> str:
    """One line whose white space keeps its width: hosts print tables."""
    return "".join(c if c in " \t" else one_line(c) or " " for c in line)


def _bounded(text: str, limit: int) -> str:
    pieces = [_ENTITIES.get(c, c) for c in _MENTION.sub("＠", text)]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    size, kept = 1, []
    for piece in pieces:
        size += len(piece)
        if size > limit:
            break
        kept.append(piece)
    return "".join(kept) + "…"
