"""
Secrets never leave the executor: output is redacted before a sink, a store or a chat sees it.

Known secrets are masked exactly; beside them, shapes that are secrets wherever they appear. It works on
whole lines, so that a secret that arrives in two pieces is still found.
"""

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "[masked]"
#: A line longer than this is let go in pieces, each overlapping the next by the longest known secret.
LONGEST_LINE: Final = 16_384
#: Shorter words are no secrets: masking every "a" would only destroy the output.
SHORTEST_SECRET: Final = 4

_NAMES: Final = "password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
_MYSQL: Final = "mysql|mysqldump|mysqladmin|mysqlcheck|mysqlbinlog|mariadb|mariadb-dump|mariadb-admin"

#: Each keeps what names the secret (group 1) and masks the rest. None spans lines or scans a line twice.
_SHAPES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?i)(authorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:(?:bearer|basic|token|negotiate)[ \t]+)?)[^\s\"',;]+",
        rf"(?i)((?:{_NAMES}|\bpwd)[\"']?[ \t]*(?:=>|[:=])[ \t]*)(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s,;&]+)",
        rf"(?i)(--(?:{_NAMES})[= ])[^\s]+",
        rf"(\b(?:{_MYSQL})\b[^|;&\n]{{0,400}}?[ \t]-p)[^\s]+",
        r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:)[^\s/@]+(?=@)",
        r"()\bxox[a-z]-[A-Za-z0-9-]+",
        r"()\bxapp-[A-Za-z0-9-]+",
        r"()\bgh[pousr]_[A-Za-z0-9]{20,}",
        r"()\bAKIA[A-Z0-9]{16}\b",
    )
)
_PEM_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")


class Redactor:
    """
    Feed it text as it comes; it returns what may be shown. `finish` returns the rest.

    A private key in PEM form is masked from its first to its last line, also when the last never comes.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in _lines_of(secrets) if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._exact = re.compile("|".join(map(re.escape, known))) if known else None
        self._overlap = max([256, *map(len, known)])
        self._rest = ""
        self._in_pem = False

    def feed(self, text: str) -> str:
        self._rest += text
        cut = self._rest.rfind("\n") + 1
        whole, self._rest = self._rest[:cut], self._rest[cut:]
        if self._in_pem or _PEM_BEGIN.search(whole):
            shown = "".join(self._line(line) for line in whole.splitlines(keepends=True) if self._shows(line))
        else:
            shown = self._masked(whole)
        if len(self._rest) > LONGEST_LINE:
            shown += self._let_go()
        return shown

    def finish(self) -> str:
        rest, self._rest = self._rest, ""
        return self._line(rest) if rest and self._shows(rest) else ""

    def _let_go(self) -> str:
        """Let most of an endless line go, cut where no masked stretch is cut."""
        if self._in_pem:
            self._rest = self._rest[-self._overlap :]
            return ""
        cut = len(self._rest) - self._overlap
        for pattern in filter(None, (self._exact, *_SHAPES)):
            for found in pattern.finditer(self._rest):
                if found.start() < cut < found.end():
                    cut = found.start() or found.end()
        gone, self._rest = self._rest[:cut], self._rest[cut:]
        return self._line(gone)

    def _shows(self, line: str) -> bool:
        """Whether anything of *line* is shown: only the first line of a private key is, as a mask."""
        if not self._in_pem:
            return True
        if _PEM_END.search(line):
            self._in_pem = False
        return False

    def _line(self, line: str) -> str:
        begin = _PEM_BEGIN.search(line)
        if begin:
            end = _PEM_END.search(line, begin.end())
            self._in_pem = end is None
            after = self._line(line[end.end() :]) if end else line[len(line.rstrip("\n")) :]
            return self._masked(line[: begin.start()]) + MASK + after
        return self._masked(line)

    def _masked(self, text: str) -> str:
        if self._exact:
            text = self._exact.sub(MASK, text)
        for shape in _SHAPES:
            text = shape.sub(_keep_the_name, text)
        return text


def _keep_the_name(found: re.Match[str]) -> str:
    return found[1] + MASK


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return *text*, which is whole, with its secrets masked."""
    redactor = Redactor(secrets)
    return redactor.feed(text) + redactor.finish()


def _lines_of(secrets: Iterable[str]) -> list[str]:
    """A secret of several lines is masked line by line, because output is read line by line."""
    return [line.strip() for secret in secrets for line in secret.splitlines() if line.strip()]
