"""auth.test, users.*, usergroups.*, team.info, bots.info, apps.connections.open: who is who."""

from sandbox.workspace.api.method import Json, Method, Token, find_person, truth
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.ids import stable_id
from sandbox.workspace.objects import bot_profile, email_of, group_json, user_json


def auth_test(hub: Hub, _args: Json) -> Json:
    return {
        "url": f"{hub.base_url}/",
        "team": hub.world.name,
        "user": hub.state.bot.name,
        "team_id": hub.world.team_id,
        "user_id": hub.state.bot.id,
        "bot_id": hub.state.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(hub: Hub, _args: Json) -> Json:
    host = hub.base_url.removeprefix("http://")
    ticket = hub.sockets.new_ticket()
    return {"url": f"ws://{host}/link/?ticket={ticket}&app_id={hub.state.app_id}"}


def _with_email(hub: Hub) -> bool:
    return "users:read.email" in hub.world.app.scopes


def users_info(hub: Hub, args: Json) -> Json:
    person = find_person(hub, args["user"])
    return {"user": user_json(hub.state, person, with_email=_with_email(hub))}


def users_list(hub: Hub, _args: Json) -> Json:
    people = [
        user_json(hub.state, person, with_email=_with_email(hub))
        for person in hub.state.people.values()
        if not person.team
    ]
    return {"members": people, "response_metadata": {"next_cursor": ""}}


def lookup_by_email(hub: Hub, args: Json) -> Json:
    for person in hub.state.people.values():
        same = email_of(hub.state, person) == str(args["email"]).lower()
        if same and not (person.is_bot or person.deleted or person.team):
            return {"user": user_json(hub.state, person, with_email=True)}
    raise ApiError("users_not_found")


def _need_paid_plan(hub: Hub) -> None:
    if not hub.world.paid_plan:
        raise ApiError("plan_upgrade_required")


def groups_list(hub: Hub, args: Json) -> Json:
    _need_paid_plan(hub)
    groups = [
        group_json(
            hub.state,
            group,
            with_users=truth(args.get("include_users")),
            with_count=truth(args.get("include_count")),
        )
        for group in hub.state.groups.values()
    ]
    return {"usergroups": groups}


def group_users(hub: Hub, args: Json) -> Json:
    _need_paid_plan(hub)
    members = hub.state.group_members.get(str(args["usergroup"]))
    if members is None:
        raise ApiError("no_such_subteam")
    return {"users": list(members)}


def team_info(hub: Hub, args: Json) -> Json:
    if args.get("team") not in (None, "", hub.world.team_id):
        raise ApiError("team_not_found")
    team = {
        "id": hub.world.team_id,
        "name": hub.world.name,
        "domain": hub.world.domain,
        "email_domain": "",
        "url": f"{hub.base_url}/",
        "icon": {"image_default": True},
    }
    return {"team": team}


def bots_info(hub: Hub, args: Json) -> Json:
    wanted = args.get("bot") or hub.state.bot_id
    if wanted == hub.state.bot_id:
        profile = bot_profile(hub.state)
        del profile["team_id"]
        return {"bot": {**profile, "user_id": hub.state.bot.id}}
    for person in hub.state.people.values():
        if person.is_bot and stable_id("B", person.name) == wanted:
            return {
                "bot": {
                    "id": wanted,
                    "deleted": person.deleted,
                    "name": person.real_name or person.name,
                    "updated": 0,
                    "app_id": stable_id("A", person.name),
                    "user_id": person.id,
                    "icons": {"image_36": "", "image_48": "", "image_72": ""},
                }
            }
    raise ApiError("bot_not_found")


_READ = ("users:read",)
_GROUPS = ("usergroups:read",)
METHODS = (
    Method(name="auth.test", run=auth_test, tier=5),
    Method(name="apps.connections.open", run=connections_open, token=Token.APP),
    Method(name="users.info", run=users_info, required=("user",), scopes=_READ, tier=4),
    Method(name="users.list", run=users_list, scopes=_READ, tier=2),
    Method(name="users.lookupByEmail", run=lookup_by_email, required=("email",), scopes=("users:read.email",)),
    Method(name="usergroups.list", run=groups_list, scopes=_GROUPS, tier=2),
    Method(name="usergroups.users.list", run=group_users, required=("usergroup",), scopes=_GROUPS, tier=2),
    Method(name="team.info", run=team_info, scopes=("team:read",)),
    Method(name="bots.info", run=bots_info, scopes=_READ),
)
