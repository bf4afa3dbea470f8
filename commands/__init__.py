"""
Every verb of `/rollback`, in the order help shows them, and the one function front-ends call.

Chat-neutral: no name of a chat service stands in this folder.
"""

from commands import (
    abort,
    approve,
    deny,
    history,
    mark,
    pause,
    plans,
    preview,
    report,
    resume,
    retry,
    settle,
    skip,
    start,
    status,
    targets,
    withdraw,
)
from commands import help as help_
from commands.base import Command, Reply, Request
from commands.grammar import Token, arrange, read
from core.names import pick
from core.ports import Service
from core.run import Actor

_VERBS = (
    targets.COMMAND,
    plans.COMMAND,
    preview.COMMAND,
    status.COMMAND,
    history.COMMAND,
    report.COMMAND,
    start.COMMAND,
    withdraw.COMMAND,
    approve.COMMAND,
    deny.COMMAND,
    pause.COMMAND,
    resume.COMMAND,
    abort.COMMAND,
    retry.COMMAND,
    skip.COMMAND,
    settle.COMMAND,
    mark.COMMAND,
)
ALL: tuple[Command, ...] = (help_.command(_VERBS), *_VERBS)


def find(word: str) -> Command:
    """
    Return the verb named *word*.

    Raises:
        UnknownNameError: there is none; the text offers the nearest.
    """
    known = {command.name: command for command in ALL}
    return known[pick("verb", word[:60], known)]


async def answer(text: str, actor: Actor, service: Service, *, channel: str = "") -> Reply:
    """
    Answer one typed line (without the "/rollback" in front, and with the chat service's own escapes taken back).

    Raises:
        RefusedError: the line is not understood, or what it asks for is refused; the text says why, as plain text.
        BelayError: whatever the service could not do.
    """
    line = read(text)
    command = find(line.verb or "help")
    tokens = line.tokens
    if any(token in (Token("--help", quoted=False), Token("-h", quoted=False)) for token in tokens):
        return Reply(text=help_.of(command))
    words, options = arrange(command, tokens)
    request = Request(actor=actor, words=words, options=options, channel=channel)
    return await command.handle(request, service)
