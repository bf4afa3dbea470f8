"""A message, and how Slack's API shows it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; it changes in place, so whoever holds it sees edits and reactions."""

    channel: str  #: channel id
    ts: str
    user: str  #: user id of the author
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    by_app: bool = False  #: written by the app under test
    thread_ts: str | None = None
    reply_broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)  #: name with skin tone -> user ids
    edited_ts: str | None = None
    edits: int = 0
    pinned: bool = False
    only_for: str | None = None  #: user id; set for an ephemeral message

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def elements(self) -> Iterator[tuple[Json, Json]]:
        """All (block, element) pairs a person can act on."""
        return acting_elements(self.blocks)

    def words(self) -> str:
        """Everything a reader of the message sees as text; for assertions and searches."""
        if not self.blocks:
            return self.text
        return "\n".join(texts_of(self.blocks))

    def same_content(self, text: str, blocks: list[Json]) -> bool:
        return self.text == text and self.blocks == blocks


def acting_elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    for block in blocks:
        for element in block.get("elements", []) if block["type"] == "actions" else ():
            yield block, element
        if accessory := block.get("accessory"):
            yield block, accessory
        if block["type"] == "input":
            yield block, block["element"]


def texts_of(value: Any) -> Iterator[str]:
    """Every `text` that is shown, in reading order."""
    if isinstance(value, list):
        for each in value:
            yield from texts_of(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in ("text", "title", "name", "alt_text") and isinstance(each, str):
                yield each
            elif isinstance(each, dict | list):
                yield from texts_of(each)
