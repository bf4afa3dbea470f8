"""Words in braces and the values they stand for: in commands, scripts and conditions."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.conditions import Condition
from core.errors import RefusedError
from core.plan import Command, Look
from core.target import Host

_REFERENCE = re.compile(r"\{([a-z_][A-Za-z0-9_.@-]*)\}")
#: A recorded fact a script cannot do without; `${BASELINE_X:-}` and `${BASELINE_X:?why}` provide for its absence.
_RECORDED = re.compile(r"(?<!\\)\$(?:\{(BASELINE_[A-Z0-9_]+)(?!:?[-+=?])[^A-Z0-9_]|(BASELINE_[A-Z0-9_]+))")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def references(text: str) -> tuple[str, ...]:
    """The names a text refers to."""
    return tuple(_REFERENCE.findall(text))


def environment_name(word: str) -> str:
    """Return the variable by which a script reads *word*: "snapshot.db.place" is SNAPSHOT_DB_PLACE."""
    return re.sub(r"[^A-Za-z0-9]", "_", word).upper()


def on_host(words: Mapping[str, str], host: Host) -> dict[str, str]:
    """The words as they are on one host: its own recorded facts go before those of the whole target."""
    suffix = f"@{host.name}"
    own = {key.removesuffix(suffix): value for key, value in words.items() if key.endswith(suffix)}
    return {**words, **own, "host": host.name, "address": host.address}


def fill(text: str, words: Mapping[str, str], *, empty: bool = False) -> str:
    """
    Put values for `{name}`; a brace that is no reference stays as it is.

    With *empty* a recorded fact that is empty counts as a value: it may be compared with, not be a command's word.

    Raises:
        RefusedError: a name has no value here (a baseline or snapshot that was never recorded, or without this part).
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not words.get(name) and not (empty and name in words):
            raise RefusedError(f"'{{{name}}}' has no value here; {_hint(name)}")
        return words[name]

    return _REFERENCE.sub(value, text)


def fill_known(text: str, words: Mapping[str, str]) -> str:
    """Put the values that are known; every other reference stays as it is. For pages, never for a command."""
    return _REFERENCE.sub(lambda match: words.get(match.group(1)) or match.group(0), text)


def _hint(name: str) -> str:
    kind = name.partition(".")[0]
    verbs = {"upgrade": "upgrade begin", "hop": "upgrade begin", "snapshot": "snapshot", "baseline": "baseline"}
    return f"record it with `belay {verbs[kind]}`" if kind in verbs else "give it as a parameter"


def in_words(text: str) -> str:
    """Say a release that only the ledger or the request knows: "the release of the snapshot 'db'"."""
    return _REFERENCE.sub(lambda match: _in_words(match.group(1)), text)


def _in_words(name: str) -> str:
    kind, _, rest = name.partition(".")
    if kind == "snapshot":
        snapshot, _, part = rest.rpartition(".")
        return f"the {part.replace('_', ' ')} of the snapshot '{snapshot}'"
    known = {
        "upgrade.origin": "the release the upgrade began at",
        "upgrade.destination": "the release of the upgrade",
        "hop.current": "the release of the last hop that ended",
        "hop.open": "the release of the open hop",
    }
    return known.get(name, f"the recorded '{rest}'" if kind == "baseline" else f"the '{name}' of the request")


def fill_command(command: Command, words: Mapping[str, str]) -> Command:
    """
    Fill argv word by word. A script is not touched: its values travel as environment variables.

    Raises:
        RefusedError: a word has no value here, or a script goes by a recorded fact that was never recorded.
    """
    return replace(command, argv=tuple(fill(word, words) for word in command.argv), env=_environment(command, words))


def _environment(command: Command, words: Mapping[str, str]) -> dict[str, str]:
    """
    Only what the script names: a recorded list can be long, and a plan holds hundreds of commands.

    Of recorded facts a script gets its own host's.

    Raises:
        RefusedError: it relies on one that was never recorded here, and would find that out in the middle of a run.
    """
    if command.script is None:
        return {}
    named = set(_VARIABLE.findall(command.script))
    variables = {environment_name(name): value for name, value in words.items() if "@" not in name}
    for braced, plain in _RECORDED.findall(command.script):
        if (name := braced or plain) not in variables:
            fact = name.removeprefix("BASELINE_").lower().replace("_", "-")
            raise RefusedError(
                f"a script needs ${name}, and '{fact}' was not recorded here; {_hint('baseline.' + fact)}"
            )
    return {name: value for name, value in variables.items() if name in named}


def fill_condition(condition: Condition, words: Mapping[str, str]) -> Condition:
    texts: dict[str, Any] = {
        name: fill(value, words, empty=True)
        for name in ("equals", "differs")
        if (value := getattr(condition, name)) is not None
    }
    return replace(condition, **texts)


def fill_look(look: Look, words: Mapping[str, str]) -> Look:
    return replace(look, command=fill_command(look.command, words), expect=fill_condition(look.expect, words))
