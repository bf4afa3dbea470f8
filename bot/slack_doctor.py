"""Is Slack reachable with the tokens there are, and may the bot do there what it needs?"""

from collections.abc import Iterator

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor import Finding
from bot.settings import Settings

#: What the app's manifest asks for; its optional scopes are not missed.
SCOPES = frozenset({"chat:write", "commands", "files:write", "reactions:read", "reactions:write", "users:read"})
_TIMEOUT_S = 10
_MANIFEST = "create the app from the manifest in deploy/ and install it to the workspace"


async def look_at_slack(settings: Settings) -> list[Finding]:
    """Ask Slack who we are. Posts nothing."""
    if not settings.has_slack:
        return [_ill("Slack", "SLACK_BOT_TOKEN is not set", f"{_MANIFEST}; then set the token it shows (xoxb-…)")]
    findings = await _bot_token(settings)
    return [*findings, await _way_in(settings)]


async def _bot_token(settings: Settings) -> list[Finding]:
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=_TIMEOUT_S
    )
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        reason = str(error.response.get("error", "no reason"))
        return [_ill("Slack bot token", f"Slack refuses it: {reason}", f"set SLACK_BOT_TOKEN anew; or {_MANIFEST}")]
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        mend = "see that this machine may reach it, through HTTPS_PROXY if need be"
        return [_ill("Slack", f"{settings.slack_api_url} does not answer: {error or type(error).__name__}", mend)]
    who = f"{answer.get('user')} in {answer.get('team')} ({answer.get('team_id')}/{answer.get('user_id')})"
    # Header names come as the server spelled them.
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return [Finding(what="Slack bot token", ok=True, found=who), *_scopes(headers.get("x-oauth-scopes"))]


def _scopes(header: str | None) -> Iterator[Finding]:
    if header is None:
        yield _ill("Slack scopes", "Slack did not say which there are", "compare them with the manifest in deploy/")
        return
    granted = {scope.strip() for scope in header.split(",")}
    missing = sorted(SCOPES - granted)
    if missing:
        yield _ill("Slack scopes", f"missing: {', '.join(missing)}", "add them to the app and install it again")
    else:
        yield Finding(what="Slack scopes", ok=True, found=f"all {len(SCOPES)} of the manifest are granted")


async def _way_in(settings: Settings) -> Finding:
    """Socket Mode with an app token; else HTTP with the signing secret."""
    token = settings.slack_app_token.get_secret_value()
    if not token and settings.slack_signing_secret.get_secret_value():
        return Finding(what="Slack events", ok=True, found="by HTTP, signed; Slack has to reach /slack/events")
    if not token:
        mend = "set SLACK_APP_TOKEN (xapp-…, scope connections:write), or SLACK_SIGNING_SECRET for HTTP"
        return _ill("Slack events", "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set", mend)
    client = AsyncWebClient(base_url=settings.slack_api_url, timeout=_TIMEOUT_S)
    try:
        await client.apps_connections_open(app_token=token)
    except SlackApiError as error:
        reason = str(error.response.get("error", "no reason"))
        return _ill("Slack app token", f"Slack refuses it: {reason}", "make one with the scope connections:write")
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        return _ill("Slack app token", f"no answer: {error or type(error).__name__}", "try again once Slack is reached")
    return Finding(what="Slack app token", ok=True, found="opens Socket Mode connections")


def _ill(what: str, found: str, mend: str) -> Finding:
    return Finding(what=what, ok=False, found=found, mend=mend)
