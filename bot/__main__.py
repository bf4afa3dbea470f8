"""`belay`, and `python -m bot`: what goes wrong becomes one line and an exit status here, and nowhere else."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from bot.cli import OK, REFUSED, parse
from core.errors import BelayError

#: As a shell reports a program that Ctrl-C ended, and one whose reader went away.
INTERRUPTED, BROKEN_PIPE = 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `belay` line and return its exit status."""
    args = parse(sys.argv[1:] if argv is None else argv)
    set_up_logging(args.log_level, verbose=args.verbose)
    try:
        status = asyncio.run(args.handle(args))
        sys.stdout.flush()
    except BelayError as error:
        print(f"belay: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("belay: interrupted", file=sys.stderr, flush=True)
        # At once: Python would first join the threads, and one of them may be waiting for a silent host.
        os._exit(INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout once more when it ends; the reader is gone, so that goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return int(status or OK)


def set_up_logging(level: int, *, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if not verbose:
        # It logs a trace for every connection that fails; what went wrong comes to us as an error anyway.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        logging.getLogger("procrastinate").setLevel(logging.WARNING)  # it tells of every job


if __name__ == "__main__":
    sys.exit(main())
