"""
What a command of a plan calls, word by word, as far as it can be read without running it.

A guess for the linter, never for a decision: a script can hide what it does, and nothing here pretends otherwise.
"""

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.plan import Command

#: Programs that only pass on what they are given; what they are given came from elsewhere.
_FILTERS = frozenset({"echo", "printf", "awk", "sed", "sort", "uniq", "cut", "tr", "grep", "head", "tail", "wc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One program with its words; `writes_to` are the files its output is sent to."""

    words: tuple[str, ...]
    writes_to: tuple[str, ...] = ()
    piped: bool = False  #: its own exit status is lost: another program reads what it prints

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2]

    @property
    def loses_status(self) -> bool:
        """True where a failure would not be seen: another program reads it, and it is no mere filter of text."""
        return self.piped and self.program not in _FILTERS

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.words[1:]

    @property
    def plain(self) -> tuple[str, ...]:
        """The arguments that are no options."""
        return tuple(word for word in self.arguments if not word.startswith("-"))

    @property
    def verb(self) -> str:
        return self.plain[0] if self.plain else ""


_OPERATORS = frozenset({"\n", ";", "&", "&&", "||", "|", "|&", "(", ")", ";;", "{", "}"})
_KEYWORDS = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "fi", "done", "esac"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_PREFIXES = frozenset({"sudo", "exec", "nohup", "command", "env", "nice", "ionice", "setsid", "stdbuf", "xargs"})
_SHELLS = frozenset({"sh", "bash", "dash", "ksh"})
_HARMLESS_FILES = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/fd/", "&", "1", "2")


def calls(command: Command) -> tuple[Call, ...]:
    """Return every program *command* seems to call, those called inside `podman exec`, `ssh` and the like included."""
    if command.script is not None:
        return tuple(call for each in _script(command.script) for call in _unwrapped(each))
    return tuple(_unwrapped(Call(words=command.argv)))


def text_of(command: Command) -> str:
    """Return all a command says, script or words."""
    return command.script if command.script is not None else " ".join(command.argv)


def script_of(command: Command) -> str:
    """Return the shell text of *command*: its script, or what `sh -c` is given; "" where there is none."""
    if command.script is not None:
        return command.script
    words = list(command.argv)
    for index, word in enumerate(words[:-1]):
        if word.rpartition("/")[2] in _SHELLS and words[index + 1].startswith("-") and words[index + 1].endswith("c"):
            return words[index + 2] if len(words) > index + 2 else ""
    return ""


def tokens(script: str) -> list[str]:
    """Split a script into words and operators; lines that cannot be read that way are split at white space."""
    lexer = shlex.shlex(_without_comments(script), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.commenters = ""
    lexer.whitespace_split = True
    try:
        return [part for token in lexer for part in (_NEWLINES.findall(token) if _is_operator(token) else [token])]
    except ValueError:
        return [word for line in script.splitlines() for word in (*line.split(), "\n")]


_NEWLINES = re.compile(r"\n|[^\n]+")


def _is_operator(token: str) -> bool:
    return set(token) <= set("();<>|&\n")


def _without_comments(script: str) -> str:
    joined = script.replace("\\\n", " ")
    return "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in joined.splitlines())


def _script(script: str) -> Iterator[Call]:
    words: list[str] = []
    for token in (*tokens(script), "\n"):
        if token in _OPERATORS or (token and set(token) <= set("\n;&|()")):
            if call := _call(words, piped=token in ("|", "|&")):
                yield call
            words = []
        else:
            words.append(token)


def _call(words: Sequence[str], *, piped: bool) -> Call | None:
    kept: list[str] = []
    files: list[str] = []
    rest = iter(words)
    for word in rest:
        if set(word) <= set("<>&") and word:
            file = next(rest, "")
            if ">" in word and not file.startswith(_HARMLESS_FILES):
                files.append(file)
            if kept and kept[-1] in ("1", "2"):  # the descriptor of "2>"
                kept.pop()
        elif not kept and (word in _KEYWORDS or _ASSIGNMENT.fullmatch(word)):
            continue
        else:
            kept.append(word)
    return Call(words=tuple(kept), writes_to=tuple(files), piped=piped) if kept else None


def _unwrapped(call: Call) -> Iterator[Call]:
    """Yield what is really called: behind sudo, timeout, ssh, `podman exec` and `sh -c`."""
    inner = _inner(call)
    if not inner:
        yield call
    elif call.program in _SHELLS:
        yield from (each for part in _script(inner[0]) for each in _unwrapped(part))
    else:
        yield from _unwrapped(replace(call, words=inner))


def _inner(call: Call) -> tuple[str, ...]:
    words = call.arguments
    if call.program in _SHELLS:
        index = next((i for i, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)), None)
        return words[index + 1 : index + 2] if index is not None else ()
    if call.program in ("podman", "docker", "oc", "kubectl"):
        verb = next((word for word in ("exec", "rsh") if word in words), None)
        if verb is None:
            return ()
        if "--" in words:
            return words[words.index("--") + 1 :]
        return _after_options(call.program, words[words.index(verb) + 1 :])[1:]
    if call.program in ("timeout", "ssh"):  # the time, or the host, comes first
        return _after_options(call.program, words)[1:]
    if call.program in _PREFIXES:
        return _drop_assignments(_after_options(call.program, words))
    return ()


#: Options that take the next word with them.
_WITH_VALUE: Mapping[str, frozenset[str]] = {
    "sudo": frozenset({"-u", "-g", "-p", "-C", "-h", "--user", "--group"}),
    "timeout": frozenset({"-k", "-s"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "env": frozenset({"-u", "-C"}),
    "xargs": frozenset({"-n", "-I", "-P", "-L", "-d"}),
    "ssh": frozenset({"-o", "-p", "-l", "-i", "-F", "-J", "-L", "-R", "-D", "-b", "-c", "-E"}),
    "podman": frozenset({"-u", "-e", "-w", "--user", "--env", "--workdir"}),
    "docker": frozenset({"-u", "-e", "-w", "--user", "--env", "--workdir"}),
    "oc": frozenset({"-n", "-c", "--namespace", "--container"}),
    "kubectl": frozenset({"-n", "-c", "--namespace", "--container"}),
}


def _after_options(program: str, words: Sequence[str]) -> tuple[str, ...]:
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in _WITH_VALUE.get(program, ()) else 1
    return tuple(words[index:])


def _drop_assignments(words: tuple[str, ...]) -> tuple[str, ...]:
    index = 0
    while index < len(words) and _ASSIGNMENT.fullmatch(words[index]):
        index += 1
    return words[index:]


def loops(script: str) -> bool:
    """Return whether *script* has a `while` or an `until` loop: the word where a command may begin."""
    words = ["\n", *tokens(script)]
    return any(
        word in ("while", "until") and (before in _KEYWORDS or _is_operator(before))
        for before, word in itertools.pairwise(words)
    )
