"""A command line taken apart, without argparse's start-up time: options with and without a value, and the rest."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


class Words:
    """
    Options in *takes_value* take the next word, or what follows "=" (or, for "-p" and its like, sticks to it).

    Everything after `--`, or from the first word that is no option if *stops*, is left as it is in `rest`.
    """

    def __init__(self, argv: list[str], takes_value: Collection[str] = (), *, stops: bool = False) -> None:
        self.rest: list[str] = []
        self._options: list[tuple[str, str]] = []
        waiting = list(argv)
        while waiting:
            word = waiting.pop(0)
            if word == "--" or (stops and not word.startswith("-")):
                self.rest += waiting if word == "--" else [word, *waiting]
                return
            if not word.startswith("-") or word == "-":
                self.rest.append(word)
            else:
                self._option(word, waiting, takes_value)

    def _option(self, word: str, waiting: list[str], takes_value: Collection[str]) -> None:
        name, equals, value = word.partition("=")
        if equals and word.startswith("--"):
            self._options.append((name, value))
        elif word in takes_value:
            self._options.append((word, waiting.pop(0) if waiting else ""))
        elif len(word) > 2 and not word.startswith("--"):
            self._short(word, waiting, takes_value)
        else:
            self._options.append((word, ""))

    def _short(self, word: str, waiting: list[str], takes_value: Collection[str]) -> None:
        """Short options in one word: "-it" is two, "-pActiveState" one with its value, "-NBe" ends in a value."""
        for place, letter in enumerate(word[1:], 2):
            name = f"-{letter}"
            if name in takes_value:
                value = word[place:].removeprefix("=") or (waiting.pop(0) if waiting else "")
                self._options.append((name, value))
                return
            self._options.append((name, ""))

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self._options)

    def all(self, *names: str) -> list[str]:
        """Return the values given under any of *names*, in their order."""
        return [value for name, value in self._options if name in names]

    def one(self, *names: str, default: str = "") -> str:
        """Return the last value given under any of *names*."""
        return ([default, *self.all(*names)])[-1]

    def unknown(self, known: Collection[str]) -> list[str]:
        """Return the options that are none of *known*."""
        return [name for name, _ in self._options if name not in known]
