"""Looks that cannot see: a check that never fails, an answer made of silence, a question to one host of many."""

import re
from collections.abc import Iterator

from core.conditions import Condition
from core.lint_finding import Finding, Level
from core.plan import Command, Look, On, Plan, Probe
from core.shell_words import calls, script_of, tokens

#: What a shell answers when the program is not there, or may not be run.
_NOT_THERE = (126, 127)
_SAYS_NOTHING = frozenset({"true", ":", "echo", "printf"})


def look_rules(plan: Plan) -> Iterator[Finding]:
    for index, point in enumerate(plan.points_of_no_return):
        for number, probe in enumerate(point.probes):
            yield from _probe(probe, f"points_of_no_return/{index}/probes/{number}")
    yield from _captured(plan)
    for part, checks in (("preflight", plan.preflight), ("validations", plan.validations)):
        for index, check in enumerate(checks):
            yield from _look(check.look, f"{part}/{index}")
    for index, step in enumerate(plan.steps):
        for key, look in (("elect", step.elect), ("verify", step.verify), ("probe", step.probe)):
            if look is not None:
                yield from _look(look, f"steps/{index}/{key}")
        if step.do is not None and step.do == step.verify.command:
            yield Finding(
                rule="check-that-cannot-fail",
                where=f"steps/{index}/verify",
                problem="it asks the command that has just been run, and so only whether it can be run again",
                suggestion="look at what the step was to bring about",
            )


def _captured(plan: Plan) -> Iterator[Finding]:
    for index, baseline in enumerate(plan.baselines):
        yield from _keeps_silence(baseline.command, f"baselines/{index}", may_be_empty=baseline.may_be_empty)
    if plan.fleet is not None:
        yield from _keeps_silence(plan.fleet.discover, f"items/{plan.fleet.name}/discover", may_be_empty=False)


def _keeps_silence(command: Command, where: str, *, may_be_empty: bool) -> Iterator[Finding]:
    """What is asked here is kept and relied on: a failure must not pass for an answer, nor an empty one for 'none'."""
    yield from _cannot_fail(command, Condition(exit=(0,)), where)
    yield from _failure_as_answer(command, where)
    script = script_of(command)
    if may_be_empty and "pipefail" not in script and any(call.loses_status for call in calls(command)):
        yield Finding(
            rule="silence-is-empty",
            where=where,
            problem="of a pipeline only the last program's exit counts: what could not be asked is kept as 'none'",
            suggestion="write to a file in between; or run bash by argv, with `set -o pipefail`",
        )


def _look(look: Look, where: str) -> Iterator[Finding]:
    yield from _cannot_fail(look.command, look.expect, where)
    yield from _failure_as_answer(look.command, where)
    if _silence_holds(look.expect):
        yield Finding(
            rule="check-that-cannot-fail",
            where=f"{where}/expect",
            problem=f"'{look.expect}' holds too where the program is missing or says nothing",
            suggestion="expect an exit status, or something that has to be printed",
        )


def _probe(probe: Probe, where: str) -> Iterator[Finding]:
    yield from _cannot_fail(probe.command, probe.reversible, where)
    yield from _failure_as_answer(probe.command, where)
    if _silence_holds(probe.reversible):
        yield Finding(
            rule="silence-is-reversible",
            where=f"{where}/reversible",
            problem=f"'{probe.reversible}' holds too where the program is missing or says nothing",
            suggestion="let the probe print a word for 'reversible', and expect that word and exit 0",
        )
    elif _failing_exit(probe.reversible):
        yield Finding(
            rule="silence-is-reversible",
            where=f"{where}/reversible",
            problem="an exit status other than 0 is also how a probe that could not look ends",
            suggestion="let the probe print a word for 'reversible', and expect that word and exit 0",
            level=Level.WARNING,
        )
    # A snapshot lies on one host; asking the others about it would find nothing.
    if probe.on is On.FIRST and not any("{snapshot." in word for word in probe.command.argv):
        yield Finding(
            rule="one-of-many",
            where=f"{where}/on",
            problem="only the first host of the role is asked; a crossing on another one would not be seen",
            suggestion="`on: all`, unless all of them would give the same answer",
            level=Level.WARNING,
        )


def _silence_holds(condition: Condition) -> bool:
    """Return whether an answer of a program that is not there would satisfy *condition*."""
    return any(condition.holds(code, "") for code in _NOT_THERE)


def _failing_exit(condition: Condition) -> bool:
    said = (condition.equals, condition.matches, condition.at_least, condition.at_most)
    return condition.exit is not None and condition.exit != (0,) and all(each is None for each in said)


def _cannot_fail(command: Command, expect: Condition, where: str) -> Iterator[Finding]:
    if _always_well(command) and _only_exit_zero(expect):
        yield Finding(
            rule="check-that-cannot-fail",
            where=where,
            problem="the command ends well whatever is the case",
            suggestion="let it fail where something is wrong: no `|| true`, no `exit 0` at the end, no bare echo",
        )


def _only_exit_zero(expect: Condition) -> bool:
    """Return whether *expect* asks nothing beyond exit 0 of what was printed."""
    said = (expect.equals, expect.differs, expect.lacks, expect.empty, expect.at_least, expect.at_most)
    if any(each is not None for each in said):
        return False
    return expect.matches is None or re.search(expect.matches, "") is not None


def _always_well(command: Command) -> bool:
    found = calls(command)
    if found and all(call.program in _SAYS_NOTHING for call in found):
        return True
    words = [word for word in tokens(script_of(command)) if word.strip()]
    if not words:
        return False
    if words[-2:] in (["||", "true"], ["||", ":"]):
        return True
    return not _can_stop(words) and bool(_LAST_WORD.search(" ".join(words)))


#: The last command ends well, and does not hang on the one before it.
_LAST_WORD = re.compile(r"(?:^|;|\n|\S)(?<!&&) (?:exit 0|true|:|echo [^;&|]*)$|^(?:exit 0|true|:)$")


def _can_stop(words: list[str]) -> bool:
    """Return whether a script may end badly before its end."""
    for index, word in enumerate(words):
        after = words[index + 1] if index + 1 < len(words) else ""
        if (word == "exit" and after != "0") or word == "false" or (word == "set" and re.match(r"-\w*e", after)):
            return True
    return False


def _failure_as_answer(command: Command, where: str) -> Iterator[Finding]:
    words = [word for word in tokens(script_of(command)) if word != "\n"]
    for index, word in enumerate(words[:-1]):
        if word == "||" and words[index + 1] in ("echo", "printf"):
            yield Finding(
                rule="failure-as-answer",
                where=where,
                problem="`|| echo` gives an answer where there was none: a host that cannot be asked reads as 'no'",
                suggestion="let the look fail; that is `unknown`, which is the truth",
            )
            return
