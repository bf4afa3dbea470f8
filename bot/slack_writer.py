"""Of several replicas one writes in the workspace: the client that makes sure of it, call by call."""

from collections.abc import Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

MayWrite = Callable[[], bool]


def alone() -> bool:
    """There is no other replica: always."""
    return True


class NotTheWriterError(Exception):
    """Another replica writes now. Not a `BelayError`: no writer may take it for a trouble of Slack's and go on."""


class WriterClient(AsyncWebClient):
    """Asks before each call whether this replica still writes; one that was frozen in between does not call."""

    def __init__(self, may_write: MayWrite, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._may_write = may_write

    async def api_call(self, api_method: str, **kwargs: Any) -> AsyncSlackResponse:
        """
        Raises:
            NotTheWriterError: nothing was sent.
        """
        if not self._may_write():
            raise NotTheWriterError(f"another replica writes in the workspace; {api_method} was not called")
        return await super().api_call(api_method, **kwargs)
