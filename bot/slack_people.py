"""From an account in Slack to a person on the roster, as the actor of what they ask."""

from bot.slack_accounts import SlackAccounts
from core.errors import RefusedError
from core.ports import Service
from core.run import Actor


class People:
    def __init__(self, accounts: SlackAccounts, service: Service) -> None:
        self.accounts = accounts
        self._service = service

    async def actor(self, user: str, way: str) -> Actor:
        """
        Raises:
            RefusedError: nobody on the roster speaks through this account, or it does not count; the text says why.
            SlackAwayError: Slack did not say who this is; that is no answer, and it may be asked again.
        """
        if not user:
            raise RefusedError("Slack did not say who this is; it counts for nobody")
        account = await self.accounts.identified(user)
        return Actor(person=await self._service.identify(account), account=account, way=way)
