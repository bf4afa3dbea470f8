"""What people do with a run under way. Before they say how something ended they look at the host; they do not lie."""

from core.action import Ended, Verb
from tests.model.world import ALL, ViolatedError, World

STEER = ("pause", "resume", "abort", "retry", "skip", "settle", "leave", "freeze", "thaw")
#: Rounds in which people who only want to get on have to bring everything to an end.
ROUNDS = 40


def steer(world: World, user: str, verb: str, to: int, points: int) -> None:
    """One person types one command about the run that is under way."""
    for text in words(world, verb):
        world.chat.command(user, text)
        world.deliver(to, which=-1, points=points)


def words(world: World, verb: str) -> list[str]:
    run_id = (world.under_way() or ["R-1"])[-1]
    match verb:
        case "skip":
            return [f"skip {run_id} --reason 'not needed'"]
        case "leave":  # whoever ends a run looks first whether something still runs
            return [] if world.hosts.running() else [f"abort {run_id} --leave --reason 'forward'"]
        case "settle":
            return [f"settle {run_id} {each} --reason 'looked'" for each in _truths(world, run_id)]
        case _:
            return [f"{verb} {run_id}"]


def _truths(world: World, run_id: str) -> list[str]:
    """How each unit that was asked about ended, by the record of its host; nothing about one that still runs."""
    asked = [line for line in world.eye.of(run_id) if line.kind == "asked"]
    units = asked[-1].data["units"] if asked else ()
    return [f"{unit} {how}" for unit in units if (how := _how(world, run_id, unit))]


def _how(world: World, run_id: str, unit: str) -> str:
    lines = world.eye.of(run_id, unit)
    undoing = bool(lines) and lines[-1].kind.startswith("undo")
    verb = Verb.UNDO if undoing else Verb.DO
    starts = [s for s in world.hosts.starts if (s.action.run_id, s.action.unit, s.action.verb) == (run_id, unit, verb)]
    if any(start.ended_at is None for start in starts):
        return ""
    well = any(isinstance(start.verdict, Ended) and start.verdict.exit_code == 0 for start in starts)
    if undoing:
        return "undone" if well else ""
    return "done" if well else "failed"


def bring_to_an_end(world: World) -> None:
    """
    Everything works again, everybody goes on, people decide: each run has to come to an end.

    Raises:
        ViolatedError: one does not.
    """
    _calm(world)
    for number in range(ROUNDS):
        for replica in world.replicas:
            replica.go_on(ALL)
        world.place_boards()
        if not world.open():
            return
        world.sweep(0)
        if not world.under_way():
            world.loop.go_on(1_900)
        elif number:
            world.take_over(0, points=ALL)
            for verb in ("settle", "retry", "resume", "skip", "leave" if number > ROUNDS // 2 else "resume"):
                steer(world, "U-cy", verb, 0, ALL)
        world.check()
    raise ViolatedError(f"end: {world.open()} never ends: {[(line.kind, line.unit) for line in world.eye.lines[-20:]]}")


def _calm(world: World) -> None:
    hosts = world.hosts
    hosts.slow, world.chat.away = False, False
    hosts.unreachable.clear()
    hosts.fates.clear()
    hosts.drops.clear()
    while hosts.late:
        hosts.deliver_late()
    while hosts.running():
        hosts.finish(0)
    world.freeze(0, on=False)
    while world.chat.on_their_way:
        world.deliver(0)
