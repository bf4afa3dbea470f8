"""
How long slow things take here.

A real restore takes minutes, and people use them: to watch, to pause, to stop it. The practice database is tiny, so
the tools wait instead, as many seconds as HOST/etc/pace says (none where there is no such file). Nothing else differs.
"""

import sys
import time

from .paths import ROOT


def linger(doing: str, share: float = 1.0) -> None:
    """Say on stderr what is being done, and take *share* of the host's pace for it."""
    print(doing, file=sys.stderr, flush=True)
    try:
        pace_s = float((ROOT / "etc" / "pace").read_text())
    except FileNotFoundError:
        return
    time.sleep(pace_s * share)
