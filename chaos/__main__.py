"""`make chaos` and `make chaos-full`: kill the bot and cut its links on purpose, and count what came of it."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from socket import socket

from chaos import zygote
from chaos.campaign import Campaign, Goals
from chaos.control import CONTROLS, Control, try_control
from chaos.databases import Databases, databases
from chaos.figures import Figures, print_figures
from chaos.ground import Ground, ground
from chaos.kinds import MIX
from chaos.records import Records
from chaos.replaying import Comparison, replay
from chaos.victim import child
from chaos.warm import warm


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--faults", type=int, default=5_000, help="on each database, kills among them")
    parser.add_argument("--kills", type=int, default=1_000, help="on each database")
    parser.add_argument("--minutes", type=float, default=120, help="on each database; then it ends, goals or not")
    parser.add_argument("--grounds", type=int, default=8, help="trials at a time, each with three hosts of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--points", choices=("all", "kinds", "none"), default="all", help="which are killed at once each"
    )
    parser.add_argument("--only", nargs="*", choices=list(MIX), default=[], help="only these random trials")
    parser.add_argument(
        "--again", action="store_true", help="play once more what slowness may explain; it counts if found again"
    )
    parser.add_argument("--state", type=Path, metavar="FILE", help="go on where the campaign in it ended, or begin one")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--replay", nargs="+", metavar="TRIAL", help="play these again: KIND:SEED, or WAY@POINT#NTH")
    parser.add_argument("--control", action="store_true", help="take safeguards out, one a time: that has to be found")
    options = parser.parse_args()
    kinds = ("sqlite", "postgres") if options.database == "both" else (options.database,)
    if options.control or options.replay:
        return max(_singly(kind, options, first=kind == kinds[0]) for kind in kinds)
    records = Records(options.state)
    found = [_campaign(kind, options, records) for kind in kinds]
    print_figures(found, options.json)
    return 0 if all(figures.clean for figures in found) else 1


def _singly(kind: str, options: argparse.Namespace, *, first: bool) -> int:
    """On the *first* database everything that can be tried there; on the other one what can be tried there only."""
    controls = [c for c in CONTROLS if options.control and c.only in (("", kind) if first else (kind,))]
    trials = [words for words in options.replay or [] if first]
    if not controls and not trials:
        return 0
    ours = zygote.pair(child, warm)
    home = Path(tempfile.mkdtemp(prefix=f"belay-chaos-{kind}-"))
    with databases(kind, home) as prepared:
        good = asyncio.run(_one_by_one(prepared, home, ours, controls, trials))
    if good:
        shutil.rmtree(home)
    return 0 if good else 1


async def _one_by_one(
    prepared: Databases, home: Path, ours: tuple[socket, socket], controls: list[Control], trials: list[str]
) -> bool:
    await prepared.prepare()
    async with ground("g", home / "g", ours) as on:
        like = Comparison(on, prepared)
        noticed = [await _control(on, prepared, control, like) for control in controls]
        return await _replay(on, prepared, trials, like) and all(noticed)


async def _control(on: Ground, prepared: Databases, control: Control, like: Comparison) -> bool:
    noticed, result = await try_control(on, prepared, control, like)
    said = "; ".join(result.findings.words())[:200]
    print(f"{'noticed' if noticed else 'MISSED'}  {control.weaken}: without '{control.safeguard}': {said}", flush=True)
    return noticed


async def _replay(on: Ground, prepared: Databases, many: list[str], like: Comparison) -> bool:
    good = True
    async for words, result in replay(on, prepared, many, like):
        good = good and result.findings.clean
        found = "; ".join(result.findings.words()) or "clean"
        took = f"{result.seconds:.1f} s, {result.kills} kills, {result.faults.total()} other faults"
        print(f"{words}: {found} ({took})", flush=True)
    return good


def _campaign(kind: str, options: argparse.Namespace, records: Records) -> Figures:
    zygotes = [zygote.pair(child, warm) for _ in range(options.grounds)]
    goals = Goals(
        faults=options.faults,
        kills=options.kills,
        seconds=60 * options.minutes,
        seed=options.seed,
        points=options.points,
        mix=tuple(options.only),
        again=options.again,
    )
    home = Path(tempfile.mkdtemp(prefix=f"belay-chaos-{kind}-"))
    print(f"{kind}: traces of what fails are left in {home}", flush=True)
    with databases(kind, home) as prepared:
        return asyncio.run(Campaign(prepared, goals, home, records).run(zygotes))


if __name__ == "__main__":
    sys.exit(main())
