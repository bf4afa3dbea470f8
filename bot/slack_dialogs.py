"""
The dialogs: asking for a rollback in two pages, and decisions that want words.

A trigger lives 3 seconds and looking at hosts takes longer: a page opens (or turns) at once, and is filled in later.
"""

import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from bot import views
from bot.mrkdwn import entities
from bot.slack_answers import Answers, or_explain
from bot.slack_forms import Form, Forms, block_of, pairs_of, values_of
from bot.slack_people import People
from bot.views_blocks import Json
from bot.views_buttons import Clicked, read_value
from bot.views_modal import (
    ACCEPTED,
    DECIDE,
    INCIDENT,
    OUTCOME,
    PARAMETERS,
    PHRASE,
    PLAN,
    PREVIEW,
    REASON,
    START,
    TARGET,
    TYPED,
    UNIT,
)
from commands.say import next_line
from core.errors import RefusedError
from core.ports import Service, StartRequest
from core.run import RunView

log = logging.getLogger(__name__)

_TITLE = "Start a rollback"


class Dialogs:
    def __init__(self, *, service: Service, people: People, answers: Answers) -> None:
        self._service = service
        self._people = people
        self._answers = answers
        self.forms = Forms()

    # -- opening and turning pages -----------------------------------------------------------------------------

    async def open_start(self, user: str, channel: str, trigger_id: str) -> bool:
        """Open the first page; False where the trigger was too old."""
        targets = list(await self._service.targets())
        chosen = targets[0].id if len(targets) == 1 else ""
        plans = list(await self._service.plans(chosen)) if chosen else []
        nonce = self.forms.open(user, channel)
        view = views.start_modal(targets, plans, chosen=chosen, nonce=nonce)
        return bool(await self._answers.open_view(trigger_id, view))

    async def open_decision(self, verb: str, view: RunView, trigger_id: str) -> bool:
        return bool(await self._answers.open_view(trigger_id, views.reason_modal(verb, view)))

    async def show(self, title: str, text: str, trigger_id: str) -> None:
        await self._answers.open_view(trigger_id, views.message_modal(title, text))

    async def on_target(self, body: Mapping[str, Any]) -> None:
        """Another target was chosen: offer the plans that fit it. What was typed stays, for its blocks do."""
        view, user = body["view"], str(body["user"]["id"])
        await self._fill(self._with_plans(view, user), view, user)

    async def _with_plans(self, view: Mapping[str, Any], user: str) -> Json:
        nonce, chosen = str(view.get("private_metadata", "")), values_of(view).get(TARGET, "")
        self.forms.look(nonce, user)
        plans = list(await self._service.plans(chosen)) if chosen else []
        return views.start_modal(list(await self._service.targets()), plans, chosen=chosen, nonce=nonce)

    async def _fill(self, making: Awaitable[Json], view: Mapping[str, Any], user: str) -> None:
        """Show the page that is being made, or why it cannot be."""
        view_id = str(view["id"])

        async def show() -> None:
            await self._answers.update_view(view_id, await making)

        async def tell(text: str) -> None:
            await self._answers.update_view(view_id, views.message_modal("Refused", text))

        await or_explain(show(), f"dialog of {user}", tell)

    # -- what a submission is answered with, at once ------------------------------------------------------------

    def answer_now(self, body: Mapping[str, Any]) -> Json | None:
        """
        Return the acknowledgement of a submission: errors beside fields, or the page shown while Belay works.

        None closes the dialog. Only what needs no waiting is checked here.
        """
        view, user = body["view"], str(body["user"]["id"])
        callback = view.get("callback_id")
        if callback == START:
            if errors := _errors(view):
                return {"response_action": "errors", "errors": errors}
            return self._turned(view, user, views.looking_modal(values_of(view)[TARGET]))
        if callback == PREVIEW:
            return self._turned(view, user, views.message_modal(_TITLE, "Putting it up for approval …"))
        if callback == DECIDE:
            return {"response_action": "update", "view": views.message_modal("Decision", "Recording it …")}
        return None

    def _turned(self, view: Mapping[str, Any], user: str, page: Json) -> Json:
        try:
            self.forms.look(str(view.get("private_metadata", "")), user)
        except RefusedError as refusal:
            page = views.message_modal(_TITLE, entities(str(refusal)))
        return {"response_action": "update", "view": page}

    # -- what a submission causes ------------------------------------------------------------------------------

    async def on_submit(self, body: Mapping[str, Any]) -> None:
        view, user = body["view"], str(body["user"]["id"])
        callback = str(view.get("callback_id", ""))
        if callback == START and _errors(view):
            return
        pages = {START: self._preview, PREVIEW: self._start, DECIDE: self._decide}
        if callback in pages:
            await self._fill(pages[callback](view, user), view, user)

    async def _preview(self, view: Mapping[str, Any], user: str) -> Json:
        form = self.forms.look(str(view.get("private_metadata", "")), user)
        request = await self._request(form, values_of(view))
        await self._people.actor(user, "command")
        preview = await self._service.preview(request)
        nonce = self.forms.fill(str(view.get("private_metadata", "")), user, request)
        return views.preview_modal(preview, nonce=nonce)

    async def _request(self, form: Form, values: Mapping[str, str]) -> StartRequest:
        target = next((t for t in await self._service.targets() if t.id == values[TARGET]), None)
        return StartRequest(
            target=values[TARGET],
            plan=values.get(PLAN, ""),
            reason=" ".join(values.get(REASON, "").split()),
            typed=values.get(TYPED, "").strip(),
            incident=" ".join(values.get(INCIDENT, "").split()),
            # A board belongs where the approvers are; the place it was typed in is only the second choice.
            channel="" if target is not None and target.channel else form.channel,
            parameters=pairs_of(values.get(PARAMETERS, "")),
            accepted=pairs_of(values.get(ACCEPTED, "")),
        )

    async def _start(self, view: Mapping[str, Any], user: str) -> Json:
        form = self.forms.take(str(view.get("private_metadata", "")), user)
        if form.request is None:
            raise RefusedError("the first page of this dialog was not sent; type `/rollback start` again")
        started = await self._service.start(form.request, await self._people.actor(user, "command"))
        where = f" in <#{started.run.channel}>" if started.run.channel else ""
        text = f"*{started.run.id}* is up for approval{where}. {entities(next_line(started), 1_000)}"
        return views.message_modal(_TITLE, text)

    async def _decide(self, view: Mapping[str, Any], user: str) -> Json:
        verb, _, value = str(view.get("private_metadata", "")).partition(" ")
        clicked = read_value(value)
        run_id = clicked.run_id
        values = values_of(view)
        reason = " ".join(values.get(REASON, "").split())
        actor = await self._people.actor(user, "button")
        await check_seen(self._service, clicked)
        match verb:
            case "skip":
                after = await self._service.skip(run_id, actor, reason=reason)
            case "leave":
                after = await self._service.abort(run_id, actor, reason, leave=True)
            case "confirm":
                after = await self._service.resume(run_id, actor, values.get(PHRASE, "").strip())
            case "settle":
                unit, outcome = values.get(UNIT, ""), values.get(OUTCOME, "")
                after = await self._service.settle(run_id, actor, unit, outcome, reason=reason)
            case _:
                raise RefusedError(f"'{verb}' is no decision Belay knows")
        return views.message_modal("Decision", f"Recorded. {entities(next_line(after), 1_500)}")


async def check_seen(service: Service, clicked: Clicked) -> RunView:
    """
    Return the run a person clicked about.

    Raises:
        RefusedError: it is not the plan they saw, or the question they answer was answered meanwhile.
    """
    view = await service.run(clicked.run_id)
    digest, question = clicked.digest, clicked.question
    if not digest or not view.run.digest.startswith(digest):
        seen = digest or "(none)"
        raise RefusedError(f"what you clicked shows plan {seen}, {clicked.run_id} has {view.run.digest[:8]}")
    if question and (view.state.ask is None or question != str(view.state.asked_seq)):
        raise RefusedError(f"that question about {clicked.run_id} was answered meanwhile; look at its board")
    return view


def _errors(view: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the first page, beside the field it is about."""
    values = values_of(view)
    target, typed = values.get(TARGET, ""), values.get(TYPED, "").strip()
    errors = {}
    if not target:
        errors[TARGET] = "Choose what is rolled back."
    elif PLAN not in values:
        errors[TARGET] = "No plan fits this target, so it cannot be rolled back with Belay."
    elif not values[PLAN]:
        errors[PLAN] = "Choose a plan."
    if not values.get(REASON, "").strip():
        errors[REASON] = "Approvers have to know why."
    if target and typed != target:
        errors[TYPED] = f"Type the target's name exactly: {target}"
    for pairs in (PARAMETERS, ACCEPTED):
        try:
            pairs_of(values.get(pairs, ""))
        except RefusedError as refusal:
            errors[pairs] = str(refusal)
    return {block_of(view, action_id): text for action_id, text in errors.items() if block_of(view, action_id)}
