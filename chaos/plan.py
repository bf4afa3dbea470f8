"""
The plan of a trial. Every action writes down on its host, by itself, that it was there, and prints several lines.

The file `$HOME/TRIAL/RUN/UNIT.do` (or `.undo`) gets the number of the attempt appended each time the action takes
effect: "1" is what should be there, "11" and "12" are an action that ran twice.
"""

from typing import Any

HOSTS = ("host-1", "host-2", "host-3")
TARGET = "prod"
#: The unit whose command ends with `FAILS_WITH`, so that a person is asked in every run.
FAILING, FAILS_WITH = "fails@host-1", 7
#: More than is kept of an output (head and tail), so that the middle is left out and counted.
BULK_LINES = 9_000


def plan(trial: str) -> dict[str, Any]:
    """Return the plan as a plan file holds it."""
    return {
        "id": "chaos",
        "version": "1",
        "system": "chaos",
        "from": "new",
        "to": "old",
        "roles": {"all": {"min": len(HOSTS)}},
        "points_of_no_return": [_point()],
        "steps": _steps(trial),
        "approvals": {"needed": 2},
    }


def _steps(trial: str) -> list[dict[str, Any]]:
    wait = "sleep 0.05; echo later; "
    return [
        _step(trial, "stop", wait, undo=True),
        {**_step(trial, "slow", wait * 6, undo=True), "probe": _look(trial)},
        {**_step(trial, "bulk", f"seq 1 {BULK_LINES}; "), "on": "first"},
        {**_step(trial, "fails", f"exit {FAILS_WITH}; ", undo=True), "on": "first"},
        {
            **_step(trial, "restore", wait),
            "on": "first",
            "destructive": True,
            "loses": "nothing; this is practice",
            "guard": ["converted"],
        },
        {**_step(trial, "start", ""), "order": "serial"},
    ]


def _step(trial: str, step: str, more: str, *, undo: bool = False) -> dict[str, Any]:
    step_ = {
        "id": step,
        "role": "all",
        "do": {"script": _effect(trial, "do", more), "timeout_s": 20},
        "verify": _look(trial),
    }
    return {**step_, "undo": {"script": _effect(trial, "undo", ""), "timeout_s": 20}} if undo else step_


def _effect(trial: str, verb: str, more: str) -> str:
    folder = f'"$HOME/{trial}/$BELAY_RUN"'
    count = f'mkdir -p {folder} && printf %s "$BELAY_ATTEMPT" >>{folder}/"$BELAY_UNIT.{verb}"'
    return f'echo "{verb} of $BELAY_UNIT"; {count}; echo counted >&2; {more}echo "the end of $BELAY_UNIT"'


def _look(trial: str) -> dict[str, Any]:
    return {
        "script": f'test -s "$HOME/{trial}/$BELAY_RUN/$BELAY_UNIT.do"',
        "timeout_s": 10,
        "expect": {"exit": 0},
    }


def _point() -> dict[str, Any]:
    probe = {
        "role": "all",
        "on": "first",
        "argv": ["echo", "untouched"],
        "timeout_s": 10,
        "reversible": {"equals": "untouched"},
        "crossed": {"equals": "converted"},
    }
    return {"id": "converted", "event": "a host was converted", "checkpoints": ["host-converted"], "probes": [probe]}
