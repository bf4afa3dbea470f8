"""One thing the linter found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    ERROR = "error"  #: the plan does not do what its author must have meant
    WARNING = "warning"  #: it may be meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    rule: str  #: "unbounded-wait": what to look up, and to count by
    where: str  #: path in the file: "steps/3/verify"
    problem: str
    suggestion: str
    level: Level = Level.ERROR

    def __str__(self) -> str:
        return f"{self.where}: {self.level} {self.rule}: {self.problem}; {self.suggestion}"
