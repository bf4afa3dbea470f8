"""Names that people type: near ones are offered, hostile ones refused."""

import difflib
import re
from collections.abc import Iterable

from core.errors import UnknownNameError

#: A name of a target, plan, run, step, role or person.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def is_name(word: str) -> bool:
    return NAME.fullmatch(word) is not None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'newton'?", "; known: a, b, c", or nothing at all."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names[:8])}" if names else ""


def pick(kind: str, word: str, known: Iterable[str], *, context: str = "") -> str:
    """
    Return *word* if it is one of the *known* names.

    Raises:
        UnknownNameError: it is not; the text offers the nearest.
    """
    names = list(known)
    if word in names:
        return word
    raise UnknownNameError(f"no {kind} '{word}'{' ' + context if context else ''}{did_you_mean(word, names)}")
