"""Everything Belay shows in Slack, as pure functions of a run and the time. Nothing here calls Slack."""

from bot.views_blocks import Json
from bot.views_board import Message, board
from bot.views_home import home
from bot.views_modal import (
    looking_modal,
    message_modal,
    preview_modal,
    reason_modal,
    refused_modal,
    start_modal,
)
from bot.views_overview import overview, overview_over, overview_to_come
from bot.views_thread import render

__all__ = [
    "Json",
    "Message",
    "board",
    "home",
    "looking_modal",
    "message_modal",
    "overview",
    "overview_over",
    "overview_to_come",
    "preview_modal",
    "reason_modal",
    "refused_modal",
    "render",
    "start_modal",
]
