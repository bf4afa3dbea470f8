"""What a person sees of what they did: replies, modals, errors beside fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.workspace.courier import Ack
from sandbox.workspace.hub import Hub
from sandbox.workspace.messages import Message
from sandbox.workspace.state import View


@dataclass(kw_only=True)
class Interaction:
    """What came of a command or a click: the ack at once, the rest when it comes."""

    hub: Hub
    user: str
    since_ts: str
    trigger_id: str
    ack: Ack

    def replies(self) -> list[Message]:
        """What only this person was told since, Slackbot's notices included; oldest first."""
        return [
            message
            for message in self.hub.state.ephemerals
            if message.only_for == self.user and message.ts > self.since_ts
        ]

    async def reply(self, timeout_s: float = 5.0) -> Message:
        """The first of `replies`."""
        return (await self.hub.feed.wait_for(self.replies, timeout_s))[0]

    async def modal(self, timeout_s: float = 5.0) -> View:
        """The modal the app opened with this interaction's trigger."""
        view = await self.hub.feed.wait_for(lambda: self.hub.opened.get(self.trigger_id), timeout_s)
        assert view is not None
        return view


@dataclass(frozen=True, kw_only=True)
class Submission:
    """How a submitted modal went. No errors and no `view`: it closed."""

    errors: Mapping[str, str] = field(default_factory=dict)  #: block_id -> sentence beside the field
    notice: str = ""  #: trouble shown in the modal
    view: View | None = None  #: the modal on top now, if any
