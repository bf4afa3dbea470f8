"""What can go wrong: for the app (an error code in the answer) and for a person (a sentence)."""

from typing import Any


class ApiError(Exception):
    """The Web API refuses; *code* goes out as `error`, *extra* beside it."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra


class PersonError(Exception):
    """A person tried what the client does not let them do; the text says what and why."""
