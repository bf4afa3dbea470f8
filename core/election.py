"""Which of several hosts is the newest, where each tells its own position in a history they should all share."""

from collections.abc import Mapping

from core.errors import RefusedError


def newest(answers: Mapping[str, str]) -> str:
    """
    Return the host that told the highest number; of equals, the first in the mapping's order.

    *answers*: host -> what its look printed, "HISTORY NUMBER" ("8c2f…-uuid 4711"). Numbers are compared as numbers: as
    text 9 would be newer than 10.

    Raises:
        RefusedError: an answer has another shape, or the histories differ. Then only a person can say which one counts.
    """
    positions = {}
    for host, printed in answers.items():
        history, _, number = printed.strip().rpartition(" ")
        if not history or not (number.isascii() and number.isdecimal()):
            raise RefusedError(f"{host} should tell a history and a number, says '{printed.strip()[:200]}'")
        positions[host] = (history, int(number))
    if len({history for history, _ in positions.values()}) > 1:
        each = ", ".join(f"{host}: {history}" for host, (history, _) in positions.items())
        raise RefusedError(f"the histories differ ({each})")
    return max(positions, key=lambda host: positions[host][1])
