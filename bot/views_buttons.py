"""The buttons of a board, by the state of its run, and what a click on one carries."""

from dataclasses import dataclass

from bot.views_blocks import Json, button, confirmation
from commands.text import cut
from core.digest import short
from core.progress import measure
from core.run import RunView
from core.run_states import RunStatus
from core.schedule import destroyed

#: What every action_id of ours begins with; the rest is the verb.
PREFIX = "belay_"
#: Verbs that need words from a person before they can be done: a click opens a dialog.
ASKS_WORDS = ("skip", "settle", "leave", "confirm")


def value_of(view: RunView) -> str:
    """Return "R-17:3f9c12ab", or "R-17:3f9c12ab:41": the run, the plan and the question a person saw on the board."""
    question = f":{view.state.asked_seq}" if view.state.ask is not None else ""
    return f"{view.run.id}:{short(view.run.digest)}{question}"


@dataclass(frozen=True, slots=True)
class Clicked:
    """What a button carried. All "" where it is none of ours."""

    run_id: str = ""
    digest: str = ""  #: its beginning
    question: str = ""  #: number of the journal entry that asked; "" where nothing was asked


def read_value(value: str) -> Clicked:
    run_id, colon, rest = value.partition(":")
    digest, _, question = rest.partition(":")
    return Clicked(run_id, digest, question) if colon else Clicked()


def verbs(view: RunView) -> tuple[str, ...]:
    """What can be asked of the run now; none that would be refused whoever asks."""
    status = view.state.status
    if status.ended:
        return ("report",)
    back = () if destroyed(view.run.plan, view.state) else ("abort",)
    match status:
        case RunStatus.WAITING:
            return ("approve", "veto", "withdraw", "details")
        case RunStatus.RUNNING:
            return ("pause", *back, "details")
        case RunStatus.PAUSED:
            return ("resume", *back, "leave", "details")
        case RunStatus.NEEDS_PERSON | RunStatus.STUCK:
            asked = view.state.ask.choices if view.state.ask else ("resume",)
            choices = tuple(verb for verb in asked if verb != "abort" and verb in _BUTTONS)
            back = back if status is RunStatus.NEEDS_PERSON else ()
            return tuple(dict.fromkeys((*choices, *back, "leave", "details")))
        case _:
            return ("details",)


def buttons(view: RunView) -> list[Json]:
    return [_button(verb, view) for verb in verbs(view)]


#: verb -> label, style, what a screen reader says before the run's name
_BUTTONS = {
    "approve": ("Approve", "primary", "Approve"),
    "veto": ("Veto", "danger", "Veto"),
    "withdraw": ("Withdraw", "", "Withdraw the request for"),
    "pause": ("Pause", "", "Pause"),
    "resume": ("Resume", "primary", "Resume"),
    "abort": ("Abort", "danger", "Abort and undo"),
    "retry": ("Retry", "primary", "Retry what failed in"),
    "skip": ("Skip…", "", "Skip what failed, with a reason, in"),
    "settle": ("Settle…", "", "Say how an unknown unit ended in"),
    "confirm": ("Confirm…", "primary", "Type the confirmation of the next step of"),
    "leave": ("Leave as it is…", "", "End where it stands, with a reason:"),
    "details": ("Details", "", "Show details of"),
    "report": ("Report", "", "Post the report of"),
}


#: What `skip` is called at an abort point.
_STOP = ("Stop here…", "", "Stop before the next step, with a reason:")


def _button(verb: str, view: RunView) -> Json:
    stops = verb == "skip" and view.state.ask is not None and view.state.ask.may_stop
    label, style, spoken = _STOP if stops else _BUTTONS[verb]
    words = f"{spoken} {view.run.id} on {view.run.target}"
    return button(
        label, PREFIX + verb, value_of(view), spoken=cut(words, 75), style=style, confirm=_confirmation(verb, view)
    )


def _confirmation(verb: str, view: RunView) -> Json | None:
    run = view.run
    match verb:
        case "veto":
            text = f"One veto ends {run.id} for good. Nothing of it will run; a new request is needed to try again."
            return confirmation(f"Veto {run.id}?", text, "Veto", "Go back", style="danger")
        case "withdraw":
            return confirmation(
                f"Withdraw {run.id}?", "The request ends; nothing of it will run.", "Withdraw", "Keep it"
            )
        case "abort":
            return confirmation(f"Abort {run.id}?", abort_words(view), "Abort and undo", "Go on", style="danger")
        case _:
            return None


def abort_words(view: RunView) -> str:
    """The truth about aborting: until when there is a way back."""
    done = sum(step.word != "waiting" for step in measure(view.run.plan, view.state, view.run.created_at).steps)
    forward = next((i for i, step in enumerate(view.run.plan.steps, 1) if step.destructive), None)
    until = f" Aborting is safe until step {forward} begins; after it, only forward." if forward else ""
    return f"What was done ({done} of {len(view.run.plan.steps)} steps begun) is undone, last step first.{until}"
