"""What a look's answer is held against: its exit status and what it printed on stdout."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """
    All tests that are set must hold; a condition with none set never holds.

    Text is compared without white space around it. A number is the first one in the text.
    """

    exit: tuple[int, ...] | None = None
    equals: str | None = None
    differs: str | None = None  #: not equal to this
    matches: str | None = None  #: a regular expression found anywhere in the text
    lacks: str | None = None  #: a regular expression found nowhere in the text
    empty: bool | None = None
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, exit_code: int, stdout: str) -> bool:
        tests = self._tests(exit_code, stdout.strip())
        return bool(tests) and all(tests)

    def _tests(self, exit_code: int, text: str) -> list[bool]:
        tests = []
        if self.exit is not None:
            tests.append(exit_code in self.exit)
        if self.equals is not None:
            tests.append(text == self.equals.strip())
        if self.differs is not None:
            tests.append(text != self.differs.strip())
        if self.matches is not None:
            tests.append(re.search(self.matches, text, re.MULTILINE) is not None)
        if self.lacks is not None:
            tests.append(re.search(self.lacks, text, re.MULTILINE) is None)
        if self.empty is not None:
            tests.append((text == "") is self.empty)
        return tests + self._number_tests(text)

    def _number_tests(self, text: str) -> list[bool]:
        if self.at_least is None and self.at_most is None:
            return []
        number = re.search(r"-?\d+(?:\.\d+)?", text)
        if number is None:
            return [False]
        value = float(number.group())
        low = self.at_least is None or value >= self.at_least
        return [low, self.at_most is None or value <= self.at_most]

    def __str__(self) -> str:
        """Return the condition in words, for boards and pages: "exit 0 and equal to 'active'"."""
        words = []
        if self.exit is not None:
            words.append("exit " + " or ".join(map(str, self.exit)))
        named = {
            "equal to": self.equals,
            "other than": self.differs,
            "like": self.matches,
            "without": self.lacks,
        }
        words += [f"{word} '{value}'" for word, value in named.items() if value is not None]
        if self.empty is not None:
            words.append("nothing printed" if self.empty else "something printed")
        bounds = {"at least": self.at_least, "at most": self.at_most}
        words += [f"{word} {value:g}" for word, value in bounds.items() if value is not None]
        return " and ".join(words) or "never"
