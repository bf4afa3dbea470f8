"""
Ends a practice world with whoever made it: `python -m sandbox.hosts.guardian WORLD [DIRECTORY]`.

Its stdin is a pipe the maker holds open. When the pipe ends, because the maker closed it or was killed, the
guardian kills every process of the world, removes DIRECTORY if given one, and exits. It has no marks itself.
"""

import shutil
import sys

from sandbox.hosts.marks import WORLD, end_marked


def main() -> None:
    sys.stdin.buffer.read()
    end_marked({WORLD: sys.argv[1]})
    for directory in sys.argv[2:]:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
