"""The dialogs: asking for a rollback in two steps, and the few decisions that want words from a person."""

from collections.abc import Sequence

from bot.mrkdwn import code, entities, escape, lines_within
from bot.views_blocks import Json, divider, labelled, modal, option, section, select, text_input
from bot.views_buttons import value_of
from bot.views_verdicts import verdicts
from commands.say import chosen_line
from commands.text import count, duration, some
from core.digest import short
from core.plan import Plan
from core.resolve import ResolvedPlan, ResolvedStep
from core.run import CheckResult, Preview, RunView
from core.target import Target
from core.wishes import SETTLE_WORDS
from core.words import in_words

#: callback_ids
START, PREVIEW, DECIDE, SHOWN = "belay_start", "belay_preview", "belay_decide", "belay_shown"
#: action_ids of inputs; the target's tells Belay at once, so that the plans that fit can be offered
TARGET, PLAN, INCIDENT, REASON, TYPED = "belay_target", "belay_plan", "incident", "reason", "typed"
PARAMETERS, ACCEPTED = "parameters", "accepted"
UNIT, OUTCOME, PHRASE = "unit", "outcome", "phrase"

REASON_CHARACTERS = 500
PAIRS_CHARACTERS = 1_000


def start_modal(targets: Sequence[Target], plans: Sequence[Plan], *, chosen: str, nonce: str) -> Json:
    """
    The first dialog. *plans* are those that fit the target *chosen*; *nonce* is the dialog's own, good for one use.

    The plan's block is named after the target: another target is another menu, and Slack keeps no stale choice.
    """
    if not targets:
        return message_modal("Start a rollback", "No target is known yet; describe one in the targets file.")
    offered = [option(_titled(target.id, target.title), target.id) for target in targets]
    blocks = [
        labelled(
            "target", "Target", select(TARGET, offered, initial=chosen, placeholder="What is rolled back"), tells=True
        ),
        *_plan_blocks(plans, chosen),
        *_extra_blocks(plans, chosen),
        labelled("incident", "Incident", text_input(INCIDENT, most=60, placeholder="INC-482"), optional=True),
        labelled(
            "reason",
            "Reason",
            text_input(REASON, most=REASON_CHARACTERS, least=1, multiline=True),
            hint="Approvers read it, and it stays in the report.",
        ),
        labelled(
            "typed",
            "Type the target's name to confirm",
            text_input(TYPED, most=100, placeholder=chosen),
            hint="Nothing starts yet: the next page shows what would run.",
        ),
    ]
    return modal("Start a rollback", START, blocks, submit="Preview", metadata=nonce)


def _plan_blocks(plans: Sequence[Plan], chosen: str) -> list[Json]:
    if not chosen:
        return [section("Choose a target; the plans that fit it are offered then.")]
    if not plans:
        return [section(f"No plan fits {escape(chosen, 64)}; `/rollback plans` lists all of them.")]
    offered = [option(f"{plan.id} (to {in_words(plan.destination)})", plan.id) for plan in plans]
    initial = plans[0].id if len(plans) == 1 else ""
    return [labelled(f"plan-{chosen}"[:255], "Plan", select(PLAN, offered, initial=initial, placeholder="A way back"))]


def _extra_blocks(plans: Sequence[Plan], chosen: str) -> list[Json]:
    """Where some plan takes them: its parameters, and the unknowns that the quorum may take on itself."""
    names = {name: parameter for plan in plans for name, parameter in plan.parameters.items()}
    points = {point.id: point for plan in plans for point in plan.points_of_no_return if point.may_accept_unknown}
    blocks = []
    if names:
        told = [f"{name}: {parameter.what or 'see the plan'}" for name, parameter in names.items()]
        example = text_input(PARAMETERS, most=PAIRS_CHARACTERS, multiline=True, placeholder=f"{next(iter(names))}=…")
        hint = f"One NAME=VALUE a line; what is left out is the plan's or the target's. {'; '.join(told)}"
        blocks.append(labelled(f"parameters-{chosen}"[:255], "Parameters", example, hint=hint, optional=True))
    if points:
        told = [f"{point.id}: {point.event}" for point in points.values()]
        example = text_input(ACCEPTED, most=PAIRS_CHARACTERS, multiline=True, placeholder=f"{next(iter(points))}=why")
        hint = f"Only where nothing can be known: one POINT=WHY a line, which approvers read. {'; '.join(told)}"
        blocks.append(labelled(f"accepted-{chosen}"[:255], "Unknowns taken on", example, hint=hint, optional=True))
    return blocks


def _titled(name: str, title: str) -> str:
    return f"{name} ({title})" if title and len(name) + len(title) < 70 else name


def message_modal(title: str, text: str) -> Json:
    """A dialog that only tells: that Belay is looking, what was refused, how it went. *text* is mrkdwn."""
    return modal(title, SHOWN, [section(text)])


def looking_modal(target: str) -> Json:
    text = f"Looking at the live system of *{escape(target, 64)}*: points of no return and preflight checks …"
    return message_modal("Start a rollback", text)


def refused_modal(reason: str) -> Json:
    return message_modal("Start a rollback", f"*Refused.* {escape(reason, 2_500)}")


def preview_modal(preview: Preview, *, nonce: str) -> Json:
    """The second dialog: what would run where, what is lost, how long it takes, what says that it is safe."""
    texts = [*_gist(preview), lines_within(_steps(preview.plan), 2_800)]
    blocks = [section(text) for text in texts if text]
    if preview.allowed:
        ask = f"{count(preview.plan.policy.needed, 'other person')} has to approve"
        if preview.plan.policy.needed != 1:
            ask = f"{preview.plan.policy.needed} other people have to approve"
        blocks += [divider(), section(f"{ask} within {preview.plan.policy.expires_min:g} min. Nothing runs before.")]
        return modal("What would run", PREVIEW, blocks, submit="Ask for approval", metadata=nonce)
    return modal("It would be refused", SHOWN, blocks)


def _gist(preview: Preview) -> list[str]:
    plan = preview.plan
    route = f"{escape(plan.origin, 60)} → {escape(plan.destination, 60)}"
    refused = [f"- {escape(why, 700)}" for why in preview.refusals]
    losses = [f"- {escape(loss, 300)}" for loss in dict.fromkeys(plan.losses)]
    checks = [
        f"- {escape(c.title or c.check, 100)} on {escape(c.where, 120)}: {escape(c.found, 200)}" for c in _bad(preview)
    ]
    takes = f"about {duration(plan.usual_s)}" if plan.usual_s else "the plan does not say how long"
    return [
        f"*{escape(plan.target, 64)}*, {route}, plan {code(plan.plan, 80)} `{short(preview.digest)}`",
        lines_within(["*It would be refused now:*", *refused], 2_800) if refused else "",
        entities(chosen_line(plan, 30), 1_500),
        verdicts(preview.findings, {}, 2_800),
        lines_within(["*What is lost:*", *losses], 1_500) if losses else "",
        lines_within(["*Preflight:*", *checks], 1_500) if checks else "",
        f"*Takes:* {takes}; control plane {escape(plan.impact.control_plane, 60)}",
    ]


def _bad(preview: Preview) -> list[CheckResult]:
    return [check for check in preview.checks if not check.ok]


def _steps(plan: ResolvedPlan) -> list[str]:
    title = f"*{count(len(plan.steps), 'step')} on {count(len(plan.hosts), 'host')}*"
    return [title, *(f"{number}. {_step(step)}" for number, step in enumerate(plan.steps, 1))]


def _step(step: ResolvedStep) -> str:
    hosts = [escape(host, 64) for host in dict.fromkeys(unit.host for unit in step.units)]
    marks = " (destructive)" if step.destructive else " (check)" if step.only_checks else ""
    return f"{escape(step.title or step.id, 100)}{marks}: {some(hosts, 5)}"


_TITLES = {
    "skip": "Skip what failed",
    "settle": "Settle",
    "leave": "Leave as it is",
    "confirm": "Confirm the next step",
}
_TEXTS = {
    "skip": "These are passed over as if they were not in the plan:",
    "settle": "Look at the host first. What you say is taken as the truth:",
    "leave": "The run ends where it stands; nothing is undone and nothing more is done. Not over:",
    "confirm": "",
}


def reason_modal(verb: str, view: RunView) -> Json:
    """The dialog of a decision that wants words: "skip", "settle", "leave" or "confirm"."""
    ask = view.state.ask
    units = ask.units if ask else ()
    stops = verb == "skip" and ask is not None and ask.may_stop
    listed = f" {some([code(unit, 120) for unit in units], 8)}" if units else ""
    text = _TEXTS[verb] + listed
    if stops and ask is not None:
        text = f"{escape(ask.reason, 900)}\nThis step and all later ones are passed over; the validations still run."
    if verb == "confirm" and ask is not None:
        text = f"{escape(ask.reason, 900)}\nType exactly: {code(ask.confirm, 200)}"
    blocks = [section(f"*{view.run.id}* on *{escape(view.run.target, 64)}*. {text}"), *_inputs(verb, units)]
    title = "Stop here" if stops else _TITLES[verb]
    return modal(title, DECIDE, blocks, submit="Send", metadata=f"{verb} {value_of(view)}")


def _inputs(verb: str, units: Sequence[str]) -> list[Json]:
    if verb == "confirm":
        return [labelled("phrase", "The phrase", text_input(PHRASE, most=200, least=1))]
    why = "What you saw on the host" if verb == "settle" else "Reason"
    reason = labelled("reason", why, text_input(REASON, most=REASON_CHARACTERS, least=1, multiline=True))
    if verb != "settle":
        return [reason]
    offered = [option(unit, unit) for unit in units if len(unit) <= 150]
    if not offered:
        return [section("Its name is too long for a menu; use `/rollback settle`."), reason]
    return [
        labelled("unit", "Unit", select(UNIT, offered, initial=offered[0]["value"])),
        labelled("outcome", "It is", select(OUTCOME, [option(word, word) for word in SETTLE_WORDS])),
        reason,
    ]
