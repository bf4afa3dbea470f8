"""Steps and looks of a plan in words: where, what exactly, how it is seen, what a person may do when it fails."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from commands.text import duration, fence, one_line, plain
from core.plan import Baseline, Command, Look, On, OnFailure, Part, Plan, Step
from core.words import fill_known

_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_@%+=:,./{}-]+")


def command_block(command: Command, words: Mapping[str, str]) -> str:
    """The exact command, with the values that are known."""
    if command.script is None:
        return _sh(command_line(command, words))
    return _sh(command.script.rstrip())


def command_line(command: Command, words: Mapping[str, str]) -> str:
    """The words of a command as one would type them; a word in braces stands without quotes."""
    filled = (fill_known(word, words) for word in command.argv)
    return " ".join(word if _NEEDS_NO_QUOTES.fullmatch(word) else shlex.quote(word) for word in filled)


def in_code(text: str) -> str:
    """Return *text* as a code span of one line that shows it exactly, inside a table too."""
    flat = one_line(text).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def _sh(text: str) -> str:
    marks, _, rest = fence(text).partition("\n")
    return f"{marks}sh\n{rest}"


def where_words(part: Part | Baseline, hosts: Mapping[str, Sequence[str]]) -> str:
    """Say on which hosts, and over which items."""
    named = ", ".join(hosts.get(part.role, ())) or f"hosts of `{part.role}`"
    one = {On.ALL: "all", On.FIRST: "the first of the", On.ONE_REACHABLE: "the first that answers of the"}
    which = one.get(part.on, "the newest of the" if part.on is On.NEWEST else "the one elected of the")
    foreach = None if isinstance(part, Baseline) else part.foreach
    if foreach is None:
        return f"{which} {named}"
    if foreach.items:
        over = ", ".join(f"`{item}`" for item in foreach.items)
    elif foreach.fact:
        over = f"each item of the target's fact `{foreach.fact}`"
    elif foreach.baseline:
        over = f"each item of the host's own baseline `{foreach.baseline}`"
    else:
        over = f"each of the chosen `{foreach.fleet}`"
    return f"{which} {named}, for {over}"


def look_lines(look: Look, words: Mapping[str, str]) -> Iterator[str]:
    """The command of a look, and what its answer has to be."""
    yield command_block(look.command, words)
    again = f", asked every {look.every_s:g} s for {duration(look.within_s)}" if look.within_s else ""
    expect = in_code(fill_known(str(look.expect), words))
    yield f"Expected: {expect}{again}; each look may take {duration(look.command.timeout_s)}."


def step_section(plan: Plan, number: int, words: Mapping[str, str], where: str) -> str:
    """The step of this *number*, counted from 1."""
    step = plan.steps[number - 1]
    mark = " (destructive)" if step.destructive else ""
    parts = [f"### {number}. {plain(step.title or step.id, 200)}{mark}", plain(step.why, 600), _facts(step, where)]
    if step.elect is not None:
        parts += ["**Elected** is the first host of which this holds:", *look_lines(step.elect, words)]
    if step.do is not None:
        parts += [f"**Do**, for at most {duration(step.do.timeout_s)}:", command_block(step.do, words)]
    parts += ["**Verified by**:", *look_lines(step.verify, words)]
    if step.probe is not None:
        parts += ["**Where its end was not seen**, it has taken effect if:", *look_lines(step.probe, words)]
    if step.undo is not None:
        parts += [f"**Undo**, for at most {duration(step.undo.timeout_s)}:", command_block(step.undo, words)]
    parts.append(f"**When it fails**: {_when_it_fails(plan, number)}")
    return "\n\n".join(filter(None, parts))


def _facts(step: Step, where: str) -> str:
    lines = [f"on {where}{_order(step)}"]
    if step.when is not None:
        lines.append(f"only where the target's fact `{step.when.fact}` is `{str(step.when.equals).lower()}`")
    if step.confirm:
        lines.append(f"before it a person types `{step.confirm}`")
    if step.abort_point:
        lines.append(f"an abort point: stopping before it is safe, for {plain(step.abort_point, 300)}")
    if step.guard:
        lines.append(f"right before each wave these are looked at again: {', '.join(f'`{p}`' for p in step.guard)}")
    if step.loses:
        lines.append(f"loses {plain(step.loses, 600)}")
    if step.keeps:
        lines.append(f"what it prints is kept in the report as “{plain(step.keeps, 100)}”")
    if step.control_plane:
        lines.append(f"the control plane counts as {step.control_plane} from its {_edge(step.control_plane)}")
    if step.usual_s:
        lines.append(f"usually takes {duration(step.usual_s)}")
    return "\n".join(f"- {line}" for line in lines)


def _edge(state: str) -> str:
    return "start" if state == "down" else "end"


def _order(step: Step) -> str:
    if step.order.batch == 1:
        return ", one after another"
    if step.order.batch:
        return f", {step.order.batch} at a time"
    return f", {step.order.percent} % at a time" if step.order.percent else ", all at once"


def _when_it_fails(plan: Plan, number: int) -> str:
    """What happens by itself, and what a person may choose."""
    step = plan.steps[number - 1]
    first = next((i for i, each in enumerate(plan.steps, 1) if each.destructive), 0)
    again = f"it is tried again {step.retries} times by itself; then " if step.retries else ""
    if step.on_failure is OnFailure.CONTINUE:
        return f"{again}it is recorded, shown and passed over."
    over_fleet = plan.fleet is not None and step.foreach is not None and bool(step.foreach.fleet)
    may_fail = plan.fleet.max_failures if plan.fleet is not None and over_fleet else step.max_failures
    some = f"up to {may_fail} may fail; after that " if may_fail else ""
    fallen = (
        " An item that failed or is skipped gets nothing more of these steps; the others go on." if over_fleet else ""
    )
    back = (
        "or `leave` (stop for good where it stands: there is no way back to before it)"
        if first and number >= first
        else "or `abort` (undo what was done, last step first), or `leave` (stop where it stands)"
    )
    unseen = "is settled by its probe" if step.probe is not None else "waits for a person to settle it"
    return (
        f"{again}{some}the run stops and asks a person: `retry`, `skip` with a reason, {back}. "
        f"An outcome that was not seen {unseen}.{fallen}"
    )
