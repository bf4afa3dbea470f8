"""What a person types, as Slack hands it on: mentions by id, and &, < and > as entities."""

import re

from sandbox.workspace.state import State

_TYPED = re.compile(r"(?<![\w<])([@#])([a-z0-9][a-z0-9._-]*)")
_MADE = re.compile(r"(<(?:[@#][UC]|!subteam\^S)[A-Z0-9]+\|[^>]+>)")


def with_mentions(state: State, text: str) -> str:
    """@name, @group and #channel as <@U123|name>, <!subteam^S123|@group>, <#C123|name>; unknown ones stay."""

    def one(match: re.Match[str]) -> str:
        name = match[2].rstrip(".")
        code = _channel(state, name) if match[1] == "#" else _person_or_group(state, name)
        return code + match[2][len(name) :] if code else match[0]

    return _TYPED.sub(one, text)


def _channel(state: State, name: str) -> str:
    channel = state.find_channel(name)
    return f"<#{channel.id}|{channel.name}>" if channel else ""


def _person_or_group(state: State, name: str) -> str:
    for group in state.groups.values():
        if group.handle == name:
            return f"<!subteam^{group.id}|@{group.handle}>"
    person = next((each for each in state.people.values() if each.name == name), None)
    return f"<@{person.id}|{person.name}>" if person else ""


def escaped(text: str) -> str:
    """Entities for what could be taken for markup; mentions made before stay."""
    parts = _MADE.split(text)
    return "".join(
        part if index % 2 else part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        for index, part in enumerate(parts)
    )
