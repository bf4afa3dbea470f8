"""`belay serve`, `demo`, `drill`, `version`: the bot itself, for real and for practice."""

import argparse
import logging
from importlib import metadata

from bot.cli import OK, Verbs

DEMO_PORT = 8417


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    serve = verbs.add("serve", "Run the bot until SIGTERM or Ctrl-C.", _serve, epilog=_SERVE)
    serve.set_defaults(log_level=logging.INFO)
    demo = verbs.add("demo", "Raise a practice system and a local chat workspace, and open them to people.", _demo)
    demo.add_argument("--scenario", default="reversible", metavar="NAME", help="what happens in it [%(default)s]")
    demo.add_argument("--list", action="store_true", help="list the scenarios and end")
    demo.add_argument("--port", type=_port, default=DEMO_PORT, help="of the page; 0: any free one [%(default)s]")
    demo.add_argument("--open", action="store_true", help="open the page in a browser")
    demo.set_defaults(log_level=logging.WARNING)
    drill = verbs.add(
        "drill", "Play a whole rollback on a practice system, with scripted people.", _drill, epilog=_DRILL
    )
    drill.add_argument("plan", metavar="PLAN", nargs="?", default="", help="the plan to drill, for example newton")
    drill.add_argument("--target", default="", help="the target to drill it on; left out: the practice system's")
    drill.add_argument(
        "--scenario",
        default="",
        metavar="NAME",
        help="see `belay drill --list`; left out: the first of the plan's system",
    )
    drill.add_argument("--all", action="store_true", help="play every scenario of every system, or of --system")
    drill.add_argument("--system", default="", metavar="NAME", help="with --all: the scenarios of this system only")
    drill.add_argument("--jobs", type=_jobs, default=2, metavar="N", help="with --all: so many at a time [%(default)s]")
    drill.add_argument("--again", action="store_true", help="with --all: play what failed once more, alone")
    drill.add_argument("--list", action="store_true", help="list the scenarios by system and end")
    drill.add_argument("--json", action="store_true", help="print the result as JSON")
    drill.set_defaults(parser=drill)
    verbs.add("version", "Print the version.", _version)


_SERVE = """\
Slack is reached with SLACK_BOT_TOKEN and SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP); targets, roster
and plans stand in the folder BELAY_CONFIG. What runs on hosts goes on when the bot ends, and is collected after the
next start. `belay doctor` says what is missing."""

_DRILL = """\
exit status: 0 only if it ended as the scenario says it has to; for 'reversible': the rollback succeeded and the
service answers rightly. With --all: only if every one did. Without a plan it is the one the scenario is about."""


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"should be a port from 0 to 65535, is '{text}'")
    return int(text)


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 16:  # hosts are processes
        raise argparse.ArgumentTypeError(f"should be a number from 1 to 16, is '{text}'")
    return int(text)


async def _serve(_args: argparse.Namespace) -> int:
    from bot.serve import serve  # noqa: PLC0415  # loads Slack, SSH and the store: not for `belay version`
    from bot.settings import load_settings  # noqa: PLC0415

    return await serve(load_settings())


async def _demo(args: argparse.Namespace) -> int:
    from bot.demo import demo, listing  # noqa: PLC0415  # the practice world, wanted by few verbs

    if args.list:
        print(listing())
        return OK
    return await demo(args.scenario, port=args.port, open_browser=args.open)


async def _drill(args: argparse.Namespace) -> int:
    if args.list:
        from bot.demo import listing  # noqa: PLC0415

        print(listing())
        return OK
    if args.all:
        from bot.drills import all_drills  # noqa: PLC0415

        return await all_drills(args.system, jobs=args.jobs, again=args.again, as_json=args.json)
    if not args.plan and not args.scenario:
        args.parser.error("what is to be drilled: a PLAN, a --scenario, or --all? `belay drill --list` has them")
    from bot.drill import drill  # noqa: PLC0415

    return await drill(args.plan, args.target, scenario=args.scenario, as_json=args.json)


async def _version(_args: argparse.Namespace) -> int:
    print(f"belay {version()}")
    return OK


def version() -> str:
    try:
        return metadata.version("belay")
    except metadata.PackageNotFoundError:
        return "(run from its source, not installed)"
