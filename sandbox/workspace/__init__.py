"""A chat workspace on this machine which behaves like Slack: for the demo, for drills and for tests."""

from sandbox.workspace.server import Workspace
from sandbox.workspace.timing import Timing
from sandbox.workspace.world import (
    AppSpec,
    ChannelSpec,
    CommandHint,
    GroupSpec,
    PersonSpec,
    WordHint,
    World,
    default_world,
    load_world,
)

__all__ = [
    "AppSpec",
    "ChannelSpec",
    "CommandHint",
    "GroupSpec",
    "PersonSpec",
    "Timing",
    "WordHint",
    "Workspace",
    "World",
    "default_world",
    "load_world",
]
