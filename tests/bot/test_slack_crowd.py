"""When boards are too many, and what shows the runs then: nothing at first hand is older than 10 s, while it lasts."""

import pytest

from bot.slack_crowd import FRESH_S, IN_TIME, Crowd, crowd_of

GAP_S = 1.5
#: What Slack allows a minute of edits, less the reserve for endings.
ORDINARY = 40


def crowd(live: dict[str, int], standing: tuple[str, ...] = ()) -> Crowd | None:
    return crowd_of(live, standing, gap_s=GAP_S)


def test_six_boards_are_kept_fresh_by_themselves_and_seven_are_not() -> None:
    assert crowd({"C1": 6}) is None
    assert crowd({"C1": 3, "C2": 3}) is None
    found = crowd({"C1": 7})
    assert found is not None
    assert (found.overviews, found.every_s) == (frozenset({"C1"}), 5.0)


def test_a_crowd_does_not_come_and_go_with_each_run() -> None:
    for runs in (6, 5, 4):
        found = crowd({"C1": runs}, standing=("C1",))
        assert found is not None
        assert found.overviews == {"C1"}
    assert crowd({"C1": 3}, standing=("C1",)) is None


def test_a_channel_with_one_run_keeps_to_its_board_unless_its_overview_stands() -> None:
    live = {"C1": 7, "C2": 1, "C3": 1, "C4": 0}

    found = crowd(live, standing=("C3", "C4"))

    assert found is not None
    assert found.overviews == {"C1", "C3"}


@pytest.mark.parametrize("channels", range(1, 6))
def test_up_to_five_overviews_stay_fresh_and_leave_room(channels: int) -> None:
    found = crowd({f"C{n}": 10 for n in range(channels)})

    assert found is not None
    assert found.every_s <= FRESH_S - 1
    assert channels * 60 / found.every_s <= found.kept <= ORDINARY
    assert found.kept + 60 / found.others_s <= ORDINARY + 1
    if channels <= 3:
        assert found.kept <= 0.75 * ORDINARY


def test_beyond_what_slack_allows_they_take_turns_and_keep_to_it() -> None:
    found = crowd({f"C{n}": 2 for n in range(20)})

    assert found is not None
    assert found.every_s == pytest.approx(30 / 0.9)
    assert found.kept == 0.9 * ORDINARY


def test_single_boards_count_with_the_overviews() -> None:
    found = crowd({"C1": 47, "C2": 1, "C3": 1, "C4": 1})

    assert found is not None
    assert found.every_s == pytest.approx(IN_TIME * FRESH_S)
    assert found.kept == 30
