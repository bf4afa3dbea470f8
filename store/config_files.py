"""
The targets file and the roster file: what can be rolled back, and who may have a say.

Both are read strictly, with path and line of what is wrong; their format is shown in docs/targets-format.yaml and
docs/roster-format.yaml.
"""

import re
from pathlib import Path
from typing import Any

from core.errors import PlanError
from core.fields import Fields, join, name, one_of, say
from core.names import did_you_mean
from core.people import May, Person, Roster
from core.target import Host, Target
from store.yaml_file import read_yaml

_TARGET = ("title", "system", "channel", "hosts", "roles", "facts")
_HOST = ("address", "port", "user", "executor", "host_key", "state_dir")
_PERSON = ("name", "accounts", "may")
_KEY_WORDS = 2
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")


def load_targets(path: Path) -> dict[str, Target]:
    """
    Raises:
        PlanError: the file is not a targets file; file and line say where.
    """
    document = read_yaml(path)
    try:
        return build_targets(document.data)
    except PlanError as error:
        raise document.locate(error) from None


def load_roster(path: Path) -> Roster:
    """
    Raises:
        PlanError: the file is not a roster; file and line say where.
    """
    document = read_yaml(path)
    try:
        return build_roster(document.data)
    except PlanError as error:
        raise document.locate(error) from None


def build_targets(data: Any) -> dict[str, Target]:
    f = Fields(data, "", ("targets",))
    f.need("targets", "at least one target")
    targets = {key: _target(key, value) for key, value in f.named("targets").items()}
    if not targets:
        raise PlanError("targets", "names no target")
    return targets


def build_roster(data: Any) -> Roster:
    """An empty roster is legal, and means nobody."""
    f = Fields(data, "", ("people",))
    if "people" not in f.data:
        raise PlanError("people", "is required; `people: {}` is a roster of nobody")
    return Roster({key: _person(key, value) for key, value in f.named("people").items()})


def _target(target_id: str, data: Any) -> Target:
    where = f"targets/{target_id}"
    f = Fields(data, where, _TARGET)
    hosts = {key: _host(key, value, f"{where}/hosts/{key}") for key, value in f.named("hosts").items()}
    if not hosts:
        raise PlanError(f"{where}/hosts", "is required; a target without hosts has nothing to roll back")
    _check_distinct(hosts, where)
    roles = {key: _role(value, f"{where}/roles/{key}", hosts) for key, value in f.named("roles").items()}
    if not roles:
        raise PlanError(f"{where}/roles", "is required; plans reach hosts by their roles")
    return Target(
        id=target_id,
        title=f.text("title", ""),
        system=f.name("system"),
        hosts=tuple(hosts.values()),
        roles=roles,
        facts=_facts(f),
        channel=f.text("channel", ""),
    )


def _host(host_id: str, data: Any, where: str) -> Host:
    f = Fields(data, where, _HOST)
    return Host(
        name=host_id,
        address=_word(f, "address"),
        port=f.whole("port", low=1, high=65_535) if f.has("port") else None,
        user=_word(f, "user") if f.has("user") else None,
        executor=f.text("executor", "ssh"),
        host_key=_host_key(f) if f.has("host_key") else None,
        state_dir=_state_dir(f),
    )


def _word(f: Fields, key: str) -> str:
    """What is dialled may never be taken for an option, nor hide a second word."""
    value = f.text(key)
    if value.startswith("-") or any(character.isspace() for character in value):
        raise PlanError(f.at(key), f"should be one word that does not begin with '-', is '{value}'")
    return value


def _host_key(f: Fields) -> str:
    value = f.text("host_key").strip()
    parts = value.split()
    if len(parts) < _KEY_WORDS or not parts[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise PlanError(f.at("host_key"), f"should be a public key such as 'ssh-ed25519 AAAA...', is '{value}'")
    return " ".join(parts[:_KEY_WORDS])


def _state_dir(f: Fields) -> str:
    value = f.text("state_dir", "/var/lib/belay")
    if not value.startswith("/") or ".." in value.split("/"):
        raise PlanError(f.at("state_dir"), f"should be an absolute path, is '{value}'")
    return value


def _check_distinct(hosts: dict[str, Host], where: str) -> None:
    """Two names for one machine would run everything on it twice."""
    seen: dict[tuple[str, str, int | None], str] = {}
    for host in hosts.values():
        dialled = (host.executor, host.address, host.port)
        if dialled in seen:
            problem = f"is '{seen[dialled]}' under another name ({host.address}); every machine is named once"
            raise PlanError(f"{where}/hosts/{host.name}", problem)
        seen[dialled] = host.name


def _role(data: Any, where: str, hosts: dict[str, Host]) -> tuple[str, ...]:
    if not isinstance(data, list) or not data:
        raise PlanError(where, f"should be a list of hosts with something in it, is {say(data or None)}")
    names: list[str] = []
    for index, each in enumerate(data):
        at = join(where, index)
        word = name(each, at)
        if word not in hosts:
            raise PlanError(at, f"'{word}' is no host of this target{did_you_mean(word, hosts)}")
        if word in names:
            raise PlanError(at, f"the host '{word}' is listed twice")
        names.append(word)
    return tuple(names)


def _facts(f: Fields) -> dict[str, Any]:
    facts = f.named("facts")
    for key, value in facts.items():
        where = f"{f.where}/facts/{key}"
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, str | int | float):
                raise PlanError(where, f"should be a text, number, true, false or a list of them, has {say(item)}")
    return facts


def _person(person_id: str, data: Any) -> Person:
    f = Fields(data, f"people/{person_id}", _PERSON)
    rights = f.words("may") if "may" in f.data else (May.REQUEST, May.OPERATE)
    accounts = f.words("accounts")
    if not accounts:
        raise PlanError(f.at("accounts"), "is required; a person nobody can recognise has no say")
    for index, account in enumerate(accounts):
        if not _ACCOUNT.fullmatch(account):
            problem = (
                f"should be a team's id and a user's id, such as 'T0123/U0456', is '{account}'; names can be faked"
            )
            raise PlanError(join(f.at("accounts"), index), problem)
    return Person(
        id=person_id,
        name=f.text("name", person_id),
        accounts=accounts,
        may=frozenset(May(one_of(right, list(May), join(f.at("may"), i))) for i, right in enumerate(rights)),
    )
