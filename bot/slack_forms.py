"""Dialogs under way: what was asked for stays here, the dialog itself carries a number good for one use."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from commands.grammar import assignment, check_clean, shown
from core.errors import RefusedError
from core.ports import StartRequest

#: Seconds a dialog may stay open before what it showed is too old to act on.
FORM_LIFE_S = 900.0
#: Dialogs kept at once; the oldest go first.
MOST_FORMS = 200
_GONE = (
    "this dialog is too old, was sent already, or Belay was restarted meanwhile; nothing was asked for. "
    "Type `/rollback start` again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    user: str
    channel: str  #: where the command was typed
    opened_s: float
    request: StartRequest | None = None  #: once the first page was sent


class Forms:
    def __init__(self) -> None:
        self._open: dict[str, Form] = {}

    def open(self, user: str, channel: str) -> str:
        """Return the number of a new dialog."""
        while len(self._open) >= MOST_FORMS:
            del self._open[next(iter(self._open))]
        nonce = secrets.token_urlsafe(16)
        self._open[nonce] = Form(user=user, channel=channel, opened_s=time.monotonic())
        return nonce

    def look(self, nonce: str, user: str) -> Form:
        """
        Raises:
            RefusedError: there is no such dialog of this person any more.
        """
        form = self._open.get(nonce)
        if form is None or form.user != user or time.monotonic() - form.opened_s > FORM_LIFE_S:
            raise RefusedError(_GONE)
        return form

    def fill(self, nonce: str, user: str, request: StartRequest) -> str:
        """Take the first page in; the second gets a number of its own, so that each is sent once."""
        form = self.take(nonce, user)
        following = self.open(user, form.channel)
        self._open[following] = replace(form, request=request)
        return following

    def take(self, nonce: str, user: str) -> Form:
        """
        Use the dialog up.

        Raises:
            RefusedError: it was used, is too old, or is somebody else's.
        """
        form = self.look(nonce, user)
        del self._open[nonce]
        return form


def values_of(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in a dialog's inputs, by action_id; what is empty maps to ""."""
    found = {}
    for block in ((view.get("state") or {}).get("values") or {}).values():
        for action_id, element in block.items():
            chosen = element.get("selected_option") or {}
            found[action_id] = str(element.get("value") or chosen.get("value") or "")
    return found


def pairs_of(text: str) -> dict[str, str]:
    """
    Return what stands in an input of one NAME=VALUE a line.

    Raises:
        RefusedError: a line is not one, or names what a line before it named; the text says which.
    """
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        check_clean(line)
        name, value = assignment(line.strip()) or ("", "")
        if not name.strip() or not value.strip():
            raise RefusedError(f"line {number} should be NAME=VALUE, is {shown(line.strip())}")
        if name.strip() in pairs:
            raise RefusedError(f"line {number}: {name.strip()} was given before")
        pairs[name.strip()] = value.strip()
    return pairs


def block_of(view: Mapping[str, Any], action_id: str) -> str:
    """Return the block an input stands in, for an error beside it; "" if the dialog has no such input."""
    for block_id, elements in ((view.get("state") or {}).get("values") or {}).items():
        if action_id in elements:
            return str(block_id)
    return ""
