"""A chat verb, chat-neutral: words come in as a Request, what is to be shown goes out as a Reply."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.errors import RefusedError
from core.ports import Service
from core.run import Actor


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """`--name VALUE`, or a flag that takes none."""

    name: str
    what: str
    takes_value: bool = True
    repeats: bool = False  #: may be given more than once; `Request.each` gives every value
    value: str = "TEXT"  #: how its value is called in the usage line


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One line a person typed, taken apart by `commands.grammar`."""

    actor: Actor
    words: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)  #: a flag that was given maps to ""
    channel: str = ""  #: the chat service's id of the channel it was typed in
    at: datetime = field(default_factory=_now)  #: when it was asked, for words like "2 min ago"

    def word(self, index: int, usage: str) -> str:
        """
        Raises:
            RefusedError: the word is missing; the text says how the verb is used.
        """
        if index >= len(self.words):
            raise RefusedError(f"a word is missing; usage: {usage}")
        return self.words[index]

    def each(self, option: str) -> tuple[str, ...]:
        """Every value of an option that may repeat. They are kept one a line: a typed line holds no line breaks."""
        return tuple(self.options[option].split("\n")) if option in self.options else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    What to show. `text` is light Markdown (*bold*, `code`, lists with "- "), already short enough for one message;
    whatever a person or a host wrote in it is plain text, and the front-end escapes it.
    """

    text: str
    public: bool = False  #: True: the channel sees it, not only the person who asked
    form: str = ""  #: "start": the front-end may open its form instead; `text` is for those that have none
    document: str = ""  #: a long Markdown document to give as a file, for example a report
    document_name: str = ""


Handle = Callable[[Request, Service], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One verb. Adding one is a file, a line in `commands.ALL`, and a test."""

    name: str
    usage: str  #: without the "/rollback": "approve RUN"
    summary: str  #: one sentence
    handle: Handle
    options: tuple[Option, ...] = ()
    max_words: int = 1
    offline: bool = False  #: works from the command line without the bot's identity (looks only)
    group: str = ""  #: the heading it stands under in `help`
    examples: tuple[str, ...] = ()  #: without the "/rollback"
