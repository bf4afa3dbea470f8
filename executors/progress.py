"""What has arrived of one action's output: decoded, redacted, bounded."""

from collections.abc import Iterable
from typing import Final

from core.action import Output
from executors.output import Bounded, Decoder
from executors.redact import Redactor

#: Bytes of a look's stdout that conditions may read.
STDOUT_BYTES: Final = 65_536


class Progress:
    """
    One stream of output. An attach goes on with the same one where the last call broke off.

    `take` is called by one thread at a time.
    """

    def __init__(self, secrets: Iterable[str] = (), *keep: Bounded) -> None:
        self.offset = 0  #: bytes of the host's output that are here
        self._decoder = Decoder()
        self._redactor = Redactor(secrets)
        self._keep = keep or (Bounded(),)

    def take(self, data: bytes) -> str:
        """Return what of *data*, and of what was held back before, may be shown."""
        self.offset += len(data)
        return self._kept(self._redactor.feed(self._decoder.feed(data)))

    def finish(self) -> tuple[str, Output]:
        """Return what was held back, and all that is kept."""
        rest = self._redactor.feed(self._decoder.feed(b"", final=True)) + self._redactor.finish()
        return self._kept(rest), self._keep[0].output()

    def _kept(self, text: str) -> str:
        for bounded in self._keep:
            bounded.add(text)
        return text


class Seen:
    """Both streams of a look: together for people, stdout alone for conditions."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        both = Bounded()
        self._stdout = Bounded(head=STDOUT_BYTES, tail=0)
        self.out = Progress(secrets, both, self._stdout)
        self.err = Progress(secrets, both)

    def finish(self) -> Output:
        self.out.finish()
        return self.err.finish()[1]

    @property
    def stdout(self) -> str:
        return self._stdout.output().head
