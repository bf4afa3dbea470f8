"""The steps of a run as lines of a board: what needs a look stays, what is over or far away is counted."""

from collections.abc import Sequence

from bot.mrkdwn import pre
from commands.text import count, cut, one_line
from core.progress import StepProgress

#: Lines of steps on one board.
MOST_LINES = 16
#: Characters of the whole block.
MOST_CHARACTERS = 2_600
_TITLE = 38
_MARKS = {"done": "✓", "running": "▶", "failed": "✗", "stuck": "✗", "unknown": "?", "undoing": "◀", "undone": "↩"}


def steps_block(steps: Sequence[StepProgress], current: int) -> str:
    """
    Return the steps as one preformatted block.

    Marks help the eye, the word says it. Of long plans the steps around the current one stay, and every step that
    failed, is stuck or unknown; the rest becomes "7 steps done".
    """
    width = min(_TITLE, max((len(_title(step)) for step in steps), default=0))
    shown = _shown(steps, current)
    lines: list[str] = []
    at = 0
    while at < len(steps):
        if at in shown:
            lines.append(_line(steps[at], width))
            at += 1
            continue
        end = at
        while end < len(steps) and end not in shown:
            end += 1
        lines.append(_counted(steps[at:end]))
        at = end
    return pre("\n".join(lines), MOST_CHARACTERS)


def clock_of(seconds: float) -> str:
    """Return "0:21", "12:05", "1:02:03"."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _shown(steps: Sequence[StepProgress], current: int) -> set[int]:
    if len(steps) <= MOST_LINES:
        return set(range(len(steps)))
    trouble = [i for i, step in enumerate(steps) if step.word in ("failed", "stuck", "unknown")]
    moving = [i for i, step in enumerate(steps) if step.word in ("running", "undoing")]
    near = sorted(range(len(steps)), key=lambda i: abs(i - (current - 1)))
    # Each gap between shown steps costs a line of its own; a third of the room is kept for them.
    return set(list(dict.fromkeys([*trouble, *moving, *near]))[: MOST_LINES * 2 // 3])


def _line(step: StepProgress, width: int) -> str:
    times = clock_of(step.elapsed_s) if step.elapsed_s else ""
    if step.word == "running" and step.step.usual_s:
        times += f" (usually {clock_of(step.step.usual_s)})"
    mark = _MARKS.get(step.word, " ")
    over = f"{step.over} of {step.units}"
    return f"{mark} {step.word:<8} {_title(step):<{width}}  {over:<9} {times}".rstrip()


def _title(step: StepProgress) -> str:
    return cut(one_line(step.step.title or step.step.id), _TITLE)


def _counted(steps: Sequence[StepProgress]) -> str:
    words = list(dict.fromkeys(step.word for step in steps))
    parts: list[str] = []
    for word in words:
        number = sum(step.word == word for step in steps)
        parts.append(f"{count(number, 'step')} {word}" if not parts else f"{number} {word}")
    return f"… {', '.join(parts)}"
