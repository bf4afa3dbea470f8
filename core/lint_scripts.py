"""Commands and scripts that do not end, do not fail, or do nothing, and nobody is told."""

import re
from collections.abc import Collection, Iterator

from core.lint_finding import Finding, Level
from core.plan import Command, Plan
from core.plan_checks import commands
from core.shell_words import calls, loops, script_of, tokens
from core.words import environment_name


def script_rules(plan: Plan) -> Iterator[Finding]:
    for where, command, words in commands(plan):
        script = script_of(command)
        if script:
            yield from _waits(script, where)
            yield from _unset(script, where, words)
            yield from _only_printed(script, where)
            if where.endswith(("/do", "/undo")):
                yield from _hidden_failures(script, where)
                yield from _silent_skips(script, where)
        if _SUDO.search(" ".join((*command.argv, script))):
            yield Finding(
                rule="may-prompt",
                where=where,
                problem="sudo may ask for a password, and nobody is there to type it",
                suggestion="use `sudo -n`: it fails at once",
            )
        for call in calls(command):
            yield from _endless(call.program, call.words, where)


_SUDO = re.compile(r"(?:^|[\s;&|(/])sudo(?!\s+(?:-n\b|--non-interactive))\s")
_COUNTERS = ("timeout ", "$((", "((", " -lt ", " -le ", " -gt ", " -ge ", "SECONDS", "while read", "while IFS=")


def _waits(script: str, where: str) -> Iterator[Finding]:
    if loops(script) and not any(word in script for word in _COUNTERS):
        yield Finding(
            rule="unbounded-wait",
            where=where,
            problem="a loop without a counter ends when its condition does, which may be never",
            suggestion="let `verify` wait: every_s and within_s; or count the turns, or put `timeout 60` in front",
        )


def _endless(program: str, words: tuple[str, ...], where: str) -> Iterator[Finding]:
    follows = {"-f", "-F", "--follow", "-w", "--watch"} & {*words}
    endless = (
        (program in ("tail", "journalctl", "oc", "kubectl", "podman", "docker") and follows and _may_follow(words))
        or (program in ("oc", "kubectl") and "wait" in words and not any(w.startswith("--timeout") for w in words))
        or (program == "ping" and not any(w.startswith(("-c", "-w")) for w in words))
        or program == "watch"
        or words == ("sleep", "infinity")
    )
    if endless:
        yield Finding(
            rule="unbounded-wait",
            where=where,
            problem=f"`{' '.join(words[:4])}` has no end of its own",
            suggestion="give it one (--timeout, -c); the step's timeout_s would kill it and call it failed",
        )


def _may_follow(words: tuple[str, ...]) -> bool:
    """`-f` names a file to `oc apply` and follows a log elsewhere."""
    program = words[0].rpartition("/")[2]
    if program in ("tail", "journalctl"):
        return True
    return "logs" in words or bool({"-w", "--watch"} & {*words} and "get" in words)


def _hidden_failures(script: str, where: str) -> Iterator[Finding]:
    words = tokens(script)
    lines = [line for line in script.splitlines() if line.strip() and not line.strip().startswith("#")]
    if len(lines) > 1 and not _stops_at_errors(words):
        yield Finding(
            rule="hidden-failure",
            where=where,
            problem="only the last line's exit status counts; what failed before it passes for done",
            suggestion="begin the script with `set -eu`",
        )
    piped = any(call.loses_status for call in calls(Command(script=script, timeout_s=1)))
    if piped and "pipefail" not in script:
        yield Finding(
            rule="hidden-failure",
            where=where,
            problem="of a pipeline only the last program's exit status counts",
            suggestion="write to a file in between; or run bash by argv, with `set -o pipefail`",
        )
    if "||" in words and any(words[i + 1 : i + 2] in (["true"], [":"]) for i, w in enumerate(words) if w == "||"):
        yield Finding(
            rule="hidden-failure",
            where=where,
            problem="`|| true` takes every failure for a success",
            suggestion="test for the one case that is fine, and let the others fail",
        )


def _stops_at_errors(words: list[str]) -> bool:
    options = [words[i + 1 : i + 4] for i, word in enumerate(words) if word == "set"]
    return any(re.fullmatch(r"-\w*e\w*|errexit", option) for each in options for option in each)


def _silent_skips(script: str, where: str) -> Iterator[Finding]:
    words = tokens(script)
    for index, word in enumerate(words):
        if (
            word == "if"
            and "else" not in words
            and words[index + 1 : index + 2] not in (["["], ["[["], ["test"], ["!"])
        ):
            yield Finding(
                rule="silent-skip",
                where=where,
                problem=f"where `{' '.join(words[index + 1 : index + 4])}` fails, for whatever reason, nothing is done",
                suggestion="decide by `when` or `foreach` over recorded facts; or fail in an `else`",
                level=Level.WARNING,
            )
            return


_ERROR_PRINTED = re.compile(r"\b(?:echo|printf)\b[^\n;|&]*\b(?:ERROR|FAIL|FAILED|FATAL)\b")
_ENDS_BADLY = re.compile(r"\b(?:exit|return) (?:[1-9]|\$)|\bfalse\b")


def _only_printed(script: str, where: str) -> Iterator[Finding]:
    if _ERROR_PRINTED.search(script) and not _ENDS_BADLY.search(script):
        yield Finding(
            rule="error-only-printed",
            where=where,
            problem="an error is printed and the script ends well: nobody reads it",
            suggestion="add `exit 1` after it",
        )


_VARIABLE = re.compile(r"(?<!\\)\$(?:\{([A-Za-z_]\w*)[}%#/\[^,]|([A-Za-z_]\w*))")
_SET_HERE = re.compile(
    r"\b([A-Za-z_]\w*)\+?=|\bfor\s+([A-Za-z_]\w*)|\b(?:read|local|export|declare|mapfile)\s+([^;\n|&]*)"
)
_SHELL_S_OWN = re.compile(
    r"PATH|HOME|PWD|OLDPWD|USER|LOGNAME|SHELL|HOSTNAME|SECONDS|RANDOM|IFS|E?UID|PPID|OPTARG|OPTIND|LINENO|TMPDIR|LANG|TERM"
    r"|REPLY|PIPESTATUS|BELAY_MARK|BASELINE_.*|BASH_.*"
)


def _unset(script: str, where: str, words: Collection[str]) -> Iterator[Finding]:
    """What single quotes hold is not the shell's; and `${NAME:-x}` says itself what stands for nothing."""
    text = re.sub(r"'[^']*'", "", script)
    known = {environment_name(word) for word in words}
    for one, two, several in _SET_HERE.findall(text):
        known |= {one, two, *several.split()}
    for braced, plain in _VARIABLE.findall(text):
        name = braced or plain
        if name not in known and not _SHELL_S_OWN.fullmatch(name):
            yield Finding(
                rule="reference-to-nothing",
                where=where,
                problem=f"${name} is set nowhere: neither here nor by the plan",
                suggestion="declare it in `parameters`, or set it in the script",
            )
            return
