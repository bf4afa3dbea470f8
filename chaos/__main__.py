"""`make chaos` and `make chaos-full`: kill the bot and cut its links on purpose, and count what came of it."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from chaos import zygote
from chaos.campaign import MIX, Campaign, Goals
from chaos.databases import databases
from chaos.figures import Figures, print_figures
from chaos.victim import child


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
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    kinds = ("sqlite", "postgres") if options.database == "both" else (options.database,)
    found = [_campaign(kind, options) for kind in kinds]
    print_figures(found, options.json)
    return 0 if all(figures.clean for figures in found) else 1


def _campaign(kind: str, options: argparse.Namespace) -> Figures:
    zygotes = [zygote.start(child) for _ in range(options.grounds)]
    goals = Goals(
        faults=options.faults,
        kills=options.kills,
        seconds=60 * options.minutes,
        seed=options.seed,
        points=options.points,
        mix=tuple(options.only),
    )
    home = Path(tempfile.mkdtemp(prefix=f"belay-chaos-{kind}-"))
    print(f"{kind}: traces of what fails are left in {home}", flush=True)
    with databases(kind, home) as prepared:
        return asyncio.run(Campaign(prepared, goals, home).run(zygotes))


if __name__ == "__main__":
    sys.exit(main())
