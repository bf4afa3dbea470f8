"""The steps of a run as lines of a board: what needs a look stays, what is over or far away is counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.mrkdwn import pre
from commands.text import count, cut, one_line
from core.progress import StepProgress

#: Lines of steps on one board.
MOST_LINES = 16
#: Characters of the whole block.
MOST_CHARACTERS = 2_600
_TITLE = 38
_FINISHED = ("done", "skipped", "undone")
_MARKS = {"done": "✓", "running": "▶", "failed": "✗", "stuck": "✗", "unknown": "?", "undoing": "◀", "undone": "↩"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A line to be: a step, or all steps of a finished wave."""

    title: str
    word: str
    over: int
    units: int
    elapsed_s: float
    usual_s: float
    number: int  #: of its first step, from 1
    steps: int = 1


def steps_block(steps: Sequence[StepProgress], current: int) -> str:
    """
    Return the steps as one preformatted block.

    Marks help the eye, the word says it. A finished wave of a fleet is one line. Of long plans the steps around the
    current one stay, and every step that failed, is stuck or unknown; the rest becomes "7 steps done".
    """
    rows = _rows(steps)
    width = min(_TITLE, max((len(row.title) for row in rows), default=0))
    shown = _shown(rows, current)
    lines: list[str] = []
    at = 0
    while at < len(rows):
        if at in shown:
            lines.append(_line(rows[at], width))
            at += 1
            continue
        end = at
        while end < len(rows) and end not in shown:
            end += 1
        lines.append(_counted(rows[at:end]))
        at = end
    return pre("\n".join(lines), MOST_CHARACTERS)


def _rows(steps: Sequence[StepProgress]) -> list[_Row]:
    numbered = enumerate(steps, 1)
    rows: list[_Row] = []
    for (_, wave), found in groupby(numbered, key=lambda each: (each[1].step.group, each[1].step.wave)):
        of_wave = list(found)
        if wave and len(of_wave) > 1 and all(step.word in _FINISHED for _, step in of_wave):
            rows.append(_finished_wave(wave, of_wave))
        else:
            rows += [_row(number, step) for number, step in of_wave]
    return rows


def _row(number: int, step: StepProgress) -> _Row:
    title = cut(one_line(step.step.title or step.step.id), _TITLE)
    return _Row(title, step.word, step.over, step.units, step.elapsed_s, step.step.usual_s, number)


def _finished_wave(wave: int, found: Sequence[tuple[int, StepProgress]]) -> _Row:
    steps = [step for _, step in found]
    word = "done" if any(step.word == "done" for step in steps) else steps[0].word
    title = f"wave {wave}, {count(len(steps), 'step')}"
    over, units = sum(step.over for step in steps), sum(step.units for step in steps)
    return _Row(title, word, over, units, sum(step.elapsed_s for step in steps), 0.0, found[0][0], len(steps))


def clock_of(seconds: float) -> str:
    """Return "0:21", "12:05", "1:02:03"."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _shown(rows: Sequence[_Row], current: int) -> set[int]:
    if len(rows) <= MOST_LINES:
        return set(range(len(rows)))
    trouble = [i for i, row in enumerate(rows) if row.word in ("failed", "stuck", "unknown")]
    moving = [i for i, row in enumerate(rows) if row.word in ("running", "undoing")]
    near = sorted(range(len(rows)), key=lambda i: abs(rows[i].number - current))
    # Each gap between shown steps costs a line of its own; a third of the room is kept for them.
    return set(list(dict.fromkeys([*trouble, *moving, *near]))[: MOST_LINES * 2 // 3])


def _line(row: _Row, width: int) -> str:
    times = clock_of(row.elapsed_s) if row.elapsed_s else ""
    if row.word == "running" and row.usual_s:
        times += f" (usually {clock_of(row.usual_s)})"
    mark = _MARKS.get(row.word, " ")
    over = f"{row.over} of {row.units}"
    return f"{mark} {row.word:<8} {row.title:<{width}}  {over:<9} {times}".rstrip()


def _counted(rows: Sequence[_Row]) -> str:
    words = list(dict.fromkeys(row.word for row in rows))
    parts: list[str] = []
    for word in words:
        number = sum(row.steps for row in rows if row.word == word)
        parts.append(f"{count(number, 'step')} {word}" if not parts else f"{number} {word}")
    return f"… {', '.join(parts)}"
