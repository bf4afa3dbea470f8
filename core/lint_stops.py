"""Stops without a start: what a plan takes down and nothing in it brings back."""

from collections.abc import Iterator
from dataclasses import replace

from core.lint_finding import Finding
from core.lint_words import brings_back, taken_down
from core.plan import Command, Foreach, Plan, Step
from core.shell_words import Call, calls


def stops_without_start(plan: Plan) -> Iterator[Finding]:
    """A start counts that comes later, or that is the `undo` of the stop; items of a step are told apart."""
    for index, step in enumerate(plan.steps):
        back = [call for later in plan.steps[index:] for call in _calls(later, later.do)] + _calls(step, step.undo)
        for program, word, what in dict.fromkeys(down for call in _calls(step, step.do) for down in taken_down(call)):
            if not any(brings_back(call, program, word, what) for call in back):
                yield Finding(
                    rule="stop-without-start",
                    where=f"steps/{index}/do",
                    problem=f"`{program} {word} {what}` is not followed by anything that brings '{what}' back",
                    suggestion="start it in a later step, or say in `undo` how",
                )


def _calls(step: Step, command: Command | None) -> list[Call]:
    """The programs of one of the step's commands, once for each of its items."""
    if command is None:
        return []
    over = step.foreach or Foreach()
    items = over.items or ((f"<{over.fact or over.baseline or over.fleet}>",) if step.foreach else ("",))
    return [call for item in items for call in calls(_filled(command, item))]


def _filled(command: Command, item: str) -> Command:
    if not item:
        return command
    if command.script is not None:
        script = command.script
        for spelled in ("${ITEM}", "$ITEM"):
            script = script.replace(spelled, item)
        return replace(command, script=script)
    return replace(command, argv=tuple(word.replace("{item}", item) for word in command.argv))
