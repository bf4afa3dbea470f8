"""A person at their client: the verbs of the page and of scripted people, with the client's own refusals."""

from collections.abc import Mapping
from typing import Any

from sandbox.workspace import form, payloads
from sandbox.workspace.answers import apply_to_view, reply_to_command
from sandbox.workspace.courier import Ack
from sandbox.workspace.emoji import canonical
from sandbox.workspace.errors import PersonError
from sandbox.workspace.hub import Hub
from sandbox.workspace.mentions import escaped, with_mentions
from sandbox.workspace.messages import Message, acting_elements
from sandbox.workspace.seen import Interaction, Submission
from sandbox.workspace.state import Channel, View
from sandbox.workspace.world import PersonSpec

Json = dict[str, Any]


class Actor:
    """One person. Every verb raises PersonError where the client would not let them."""

    def __init__(self, hub: Hub, user: str) -> None:
        self._hub = hub
        self.id = user

    @property
    def spec(self) -> PersonSpec:
        return self._hub.state.people[self.id]

    # --- what they see

    @property
    def modal(self) -> View | None:
        """The modal on top of their screen."""
        stack = self._hub.state.stacks.get(self.id)
        return stack[-1] if stack else None

    @property
    def home(self) -> View | None:
        """Their App Home, if the app published one."""
        return self._hub.state.homes.get(self.id)

    def ephemerals(self, channel: str | None = None) -> list[Message]:
        """What only they were shown, oldest first."""
        id_ = self._hub.state.channel(channel).id if channel else None
        return [
            message
            for message in self._hub.state.ephemerals
            if message.only_for == self.id and id_ in (None, message.channel)
        ]

    # --- what they do

    async def command(self, channel: str, line: str, *, thread_ts: str | None = None) -> Interaction:
        """Types a slash command, as `/rollback start prod-east`, and waits for the app's ack."""
        place = self._member_of(channel)
        command, _, text = line.strip().partition(" ")
        hints = {hint.command: hint for hint in self._hub.world.app.commands}
        since = self._hub.state.stamps.next()
        if command not in hints or thread_ts is not None:
            sentence = f"{command} is not a valid command."
            if thread_ts is not None:
                sentence = f"{command} is not supported in threads. Sorry!"
            self._hub.notice(self.id, place.id, sentence)
            return self._interaction(since, "", Ack(problem="not_sent"))
        trigger_id = self._hub.new_trigger(self.id)
        payload = payloads.slash_command(
            self._hub.state,
            user=self.id,
            channel=place,
            command=command,
            text=with_mentions(self._hub.state, text.strip()) if hints[command].should_escape else text.strip(),
            trigger_id=trigger_id,
            response_url=self._hub.new_hook("commands", self.id, place.id),
        )
        ack = await self._hub.courier.call("slash_commands", payload)
        if ack.accepted:
            reply_to_command(self._hub, self.id, place.id, ack)
        else:
            self._hub.notice(self.id, place.id, f'{command} failed with the error "{ack.problem}"')
        return self._interaction(since, trigger_id, ack)

    def say(self, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Writes an ordinary message."""
        place = self._member_of(channel)
        if not text.strip():
            raise PersonError("there is nothing to send")
        message = Message(
            channel=place.id,
            ts=self._hub.state.stamps.next(),
            user=self.id,
            text=escaped(with_mentions(self._hub.state, text)),
            thread_ts=thread_ts,
        )
        return self._hub.post(message)

    def react(self, message: Message, name: str) -> None:
        """Adds a reaction; a skin tone is part of the name ("+1::skin-tone-3")."""
        self._may_touch(message)
        known = self._emoji(name)
        if self.id in message.reactions.get(known, ()):
            raise PersonError(f"{self.spec.name} has already reacted with :{known}:")
        self._hub.react(message, self.id, known)

    def unreact(self, message: Message, name: str) -> None:
        """Takes a reaction of their own away."""
        self._may_touch(message)
        known = self._emoji(name)
        if self.id not in message.reactions.get(known, ()):
            raise PersonError(f"{self.spec.name} has not reacted with :{known}:")
        self._hub.unreact(message, self.id, known)

    async def click(self, target: Message | View, action_id: str, value: Any = None, **fields: Any) -> Interaction:
        """
        Clicks a button, or chooses *value* in a select, by its action_id; a confirmation is answered with yes.

        In a modal, *fields* are what stands in its inputs at that moment.
        """
        since = self._hub.state.stamps.next()
        trigger_id = self._hub.new_trigger(self.id)
        if isinstance(target, View):
            payload = self._view_click(target, action_id, value, fields, trigger_id)
        else:
            payload = self._message_click(target, action_id, value, trigger_id)
        ack = await self._hub.courier.call("interactive", payload)
        if not ack.accepted:
            self._show_trouble(target, action_id, ack)
        return self._interaction(since, trigger_id, ack)

    async def submit(self, view: View, values: Mapping[str, Any] | None = None) -> Submission:
        """Fills in (by action_id or block_id) and submits a modal; what the client checks is checked first."""
        self._must_be_open(view)
        view.values = form.state_values(view.body["blocks"], values or {}, view.values)
        view.errors, view.notice = form.check_inputs(view.body["blocks"], view.values), ""
        if not view.errors:
            trigger_id = self._hub.new_trigger(self.id)
            payload = payloads.view_submission(self._hub.state, view, user=self.id, trigger_id=trigger_id)
            apply_to_view(self._hub, view, await self._hub.courier.call("interactive", payload))
        self._hub.show_modal(self.id)
        return Submission(errors=dict(view.errors), notice=view.notice, view=self.modal)

    async def close(self, view: View, *, everything: bool = False) -> None:
        """Cancels a modal, or with *everything* the whole stack."""
        self._must_be_open(view)
        stack = list(self._hub.state.stacks[self.id])
        cleared = everything or bool(view.body["clear_on_close"])
        for each in stack[::-1] if cleared else [view]:
            self._hub.close_view(each)
        if view.body["notify_on_close"]:
            payload = payloads.view_closed(self._hub.state, view, user=self.id, cleared=cleared)
            await self._hub.courier.call("interactive", payload)

    def open_home(self, tab: str = "home") -> None:
        """Opens the app's Home; the app hears of it and may publish a view."""
        view = self._hub.state.homes.get(self.id)
        self._hub.emit(payloads.app_home_opened(self._hub.state, self.id, tab=tab, view=view))

    # --- help

    def _interaction(self, since: str, trigger_id: str, ack: Ack) -> Interaction:
        return Interaction(hub=self._hub, user=self.id, since_ts=since, trigger_id=trigger_id, ack=ack)

    def _member_of(self, channel: str) -> Channel:
        place = self._hub.state.channel(channel)
        if self.spec.deleted:
            raise PersonError(f"{self.spec.name}'s account is deactivated")
        if self.id not in place.members:
            raise PersonError(f"{self.spec.name} is not in #{place.name}")
        if place.is_archived:
            raise PersonError(f"#{place.name} is archived")
        return place

    def _may_touch(self, message: Message) -> None:
        place = self._member_of(message.channel)
        if message.only_for is not None:
            raise PersonError("a message only one person sees cannot take reactions")
        if message.ts not in place.messages:
            raise PersonError("the message was deleted")

    def _emoji(self, name: str) -> str:
        known = canonical(name)
        if known is None:
            raise PersonError(f"there is no emoji ':{name}:'")
        return known

    def _message_click(self, message: Message, action_id: str, value: Any, trigger_id: str) -> Json:
        self._member_of(message.channel)
        if message.only_for not in (None, self.id):
            raise PersonError("this message is shown to somebody else")
        block, element = _element(message.blocks, action_id)
        action = form.action_of(block, element, value, self._hub.state.stamps.next())
        held = {} if element["type"] in ("button", "overflow") else form.chosen(element, value)
        values = {block["block_id"]: {action_id: {"type": element["type"], **held}}} if held else {}
        return payloads.message_click(
            self._hub.state,
            message,
            user=self.id,
            action=action,
            values=values,
            trigger_id=trigger_id,
            response_url=self._hub.new_hook("actions", self.id, message.channel, message),
        )

    def _view_click(self, view: View, action_id: str, value: Any, fields: Json, trigger_id: str) -> Json:
        if view.body["type"] == "modal":
            self._must_be_open(view)
        block, element = _element(view.body["blocks"], action_id)
        given = fields if element["type"] in ("button", "overflow") else {**fields, action_id: value}
        view.values = form.state_values(view.body["blocks"], given, view.values)
        action = form.action_of(block, element, value, self._hub.state.stamps.next())
        return payloads.view_click(self._hub.state, view, user=self.id, action=action, trigger_id=trigger_id)

    def _must_be_open(self, view: View) -> None:
        if view not in self._hub.state.stacks.get(self.id, ()):
            raise PersonError("this dialog is no longer open")

    def _show_trouble(self, target: Message | View, action_id: str, ack: Ack) -> None:
        if isinstance(target, Message):
            text = f'Something went wrong with "{action_id}": {ack.problem}. Please try again.'
            self._hub.notice(self.id, target.channel, text)
        elif target.body["type"] == "modal":
            target.notice = "We had some trouble connecting. Try again?"
            self._hub.show_modal(self.id)


def _element(blocks: list[Json], action_id: str) -> tuple[Json, Json]:
    from_here = list(acting_elements(blocks))
    for block, element in from_here:
        if element.get("action_id") == action_id:
            return block, element
    known = ", ".join(element["action_id"] for _, element in from_here if "action_id" in element)
    raise PersonError(f"there is no '{action_id}' to click; there is {known or 'nothing'}")
