"""
Every error Belay raises on purpose, named after what the caller may do next.

The text says what was expected, what came, where, and what to do now. `str(error)` may be shown to a
person as it is. Anything that is not a `BelayError` is a bug and goes up.
"""


class BelayError(Exception):
    """The root of the tree."""


class PlanError(BelayError):
    """
    A plan, an inventory or a roster is not well formed. Nothing of it is used.

    `where` is a path in the file ("steps/3/do/argv"); `line` counts from 1 where the reader knows it.
    """

    def __init__(self, where: str, problem: str, *, file: str = "", line: int | None = None) -> None:
        self.where = where
        self.problem = problem
        self.file = file
        self.line = line
        place = ":".join(part for part in (file, str(line) if line else "") if part)
        super().__init__(f"{place + ': ' if place else ''}{where + ': ' if where else ''}{problem}")

    def located(self, file: str, line: int | None) -> "PlanError":
        """Return the same error with the file and the line it was found at."""
        return PlanError(self.where, self.problem, file=file, line=line)


class RefusedError(BelayError):
    """What was asked for is not allowed now. Shown as it is, to the person who asked."""


class UnknownNameError(RefusedError):
    """A word that names nothing (a target, a plan, a run, a person); the text offers near ones."""


class TransitionError(BelayError):
    """An entry that cannot follow the state it met. Nothing was changed."""

    def __init__(self, what: str, state: str, kind: str) -> None:
        super().__init__(f"'{what}' is {state}; '{kind}' cannot happen to it")


class ConflictError(BelayError):
    """Somebody else wrote first. Load again and decide again."""


class FencedError(ConflictError):
    """This driver's epoch is stale: another one drives the run now. Stop driving it."""


class StoreUnavailableError(BelayError):
    """The database did not take the write. What was to be recorded did not happen."""


class NotStartedError(BelayError):
    """Nothing was started on the host."""


class UnreachableError(NotStartedError):
    """The host did not answer. Trying again is safe and may help."""


class AccessDeniedError(NotStartedError):
    """The host, or its key, was not accepted. Trying again does not help; a person has to look."""


class HostNotReadyError(NotStartedError):
    """The host answered but cannot take an action (disk full, no shell); a person has to look."""


class OutcomeLostError(BelayError):
    """It was started, or may have been, and its end was not seen. Attach; never run it again."""
