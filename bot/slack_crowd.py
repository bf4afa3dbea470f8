"""
When more runs are live than their boards can be kept up to date, and what shows them then.

A crowd is when one edit every `gap_s`, shared by all boards, would let a board grow older than 10 s. Then each channel
with more than one live run gets an overview: one message that shows them all. Pure decisions, no clock.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.slack_budget import WINDOW_S, spacing_s

#: Seconds: no message that shows a live run at first hand is to be older.
FRESH_S = 10.0
#: An overview is edited twice in that time; more seldom, but not so late that a slow answer makes it too old, where
#: several share what there is.
TWICE, IN_TIME = 0.5, 0.8
#: The part of the ordinary edits that overviews take before they become more seldom; and at most, for what else there
#: is: votes, and changes of status.
_SHARE, _MOST_SHARE = 0.75, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What shows the live runs while they are many, and how often."""

    overviews: frozenset[str]  #: channels that are to have one
    fresh: int  #: messages that show runs at first hand: overviews, and boards of runs that no overview shows
    every_s: float  #: between two edits of one of these
    kept: int  #: edits a minute they take
    others_s: float  #: between two edits of any of the other boards, which take turns


def crowd_of(
    live: Mapping[str, int], standing: Collection[str], *, gap_s: float, fresh_s: float = FRESH_S
) -> Crowd | None:
    """
    Return what is needed, None for nothing: the boards are enough.

    *live* counts the live runs of each channel; *standing* are the channels whose overview is there already. A crowd
    that has begun ends at half the number that begins one, and an overview stays until its channel has no live run:
    it does not come and go with each run.
    """
    bound = fresh_s / 2 if standing else fresh_s
    if spacing_s(sum(live.values()), gap_s) <= bound:
        return None
    overviews = frozenset(channel for channel, runs in live.items() if runs > 1 or (runs and channel in standing))
    fresh = len(overviews) + sum(runs for channel, runs in live.items() if channel not in overviews)
    # Up to five such messages none is older than that. Beyond, Slack's limit decides: all take turns.
    apart_s = max(TWICE * fresh_s, min(gap_s * fresh / _SHARE, IN_TIME * fresh_s), gap_s * fresh / _MOST_SHARE)
    kept = fresh * WINDOW_S / apart_s
    left = WINDOW_S / gap_s - kept
    return Crowd(
        overviews=overviews,
        fresh=fresh,
        every_s=apart_s,
        kept=math.ceil(kept),
        # What boards take in turn leaves room for one whose run changes its status.
        others_s=WINDOW_S / max(1.0, _SHARE * left),
    )
