"""What the linter knows of programs: which words change something, and which stops have which starts."""

import re
from collections.abc import Iterator, Mapping

from core.shell_words import Call


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Programs that change something whatever their words are.
_WRITERS = _words(
    "rm mv cp ln mkdir rmdir touch chmod chown chgrp dd tee truncate install rsync scp kill pkill killall reboot "
    "shutdown halt poweroff mount umount patch useradd userdel usermod online_data_migrations fstrim wipefs parted "
    "lvremove vgremove lvcreate lvconvert createdb dropdb pg_restore"
)
#: Programs whose words may look like a deed and are none: what they are given is text to look for or to print.
_READERS = _words(
    "echo printf grep egrep fgrep zgrep cat head tail less awk cut tr sort uniq wc test [ [[ diff cmp stat ls find jq "
    "yq xargs read true false : exit return set export cd local trap sleep sha256sum md5sum date hostname journalctl "
    "ps pgrep ss netstat lsof dig ping nc for case in"
)
#: Verbs of any other program that change something.
_DEEDS = _words(
    "start stop restart reload enable disable mask unmask delete remove rm destroy drop create add apply replace patch "
    "edit set unset reset restore convert migrate upgrade downgrade install uninstall purge clean cleanup prune kill "
    "promote demote evacuate deploy reconfigure push rollback bootstrap repair move ban clear update annotate label "
    "scale drain cordon uncordon run stop_app start_app force_reset join_cluster import cancel resume pause "
    "manage unmanage standby unstandby attach detach grant revoke pull switch open close insert write"
)
#: Programs whose deed stands further right than the first word ("openstack server delete x").
_DEED_ANYWHERE = _words(
    "openstack pcs oc kubectl ceph rados rbd nova cinder neutron glance keystone virsh ip nmcli crm docker podman helm "
    "ovs-vsctl ovn-nbctl ovn-sbctl etcdctl"
)
_READ_VERBS = _words("info version health df")
_LISTS = _words("get show list status describe logs inspect ls ps dump history check verify is-active")
_SQL_CLIENTS = frozenset({"mysql", "mariadb", "psql", "sqlite3"})
_SQL = re.compile(
    r"(?<!SHOW )\b(INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|DROP|ALTER|CREATE|TRUNCATE|REPLACE\s+INTO|GRANT"
    r"|REVOKE|FLUSH|LOAD\s+DATA|SET\s+GLOBAL)\b",
    re.IGNORECASE,
)
_SQL_LOSS = re.compile(r"\b(DROP|TRUNCATE|DELETE\s+FROM)\b", re.IGNORECASE)
_MIGRATION = re.compile(
    r"online_data_migrations|db[_ ]sync|db-sync|map_cell|map_instances|--(expand|contract|migrate)\b"
)


def writes(call: Call, script: str = "") -> str:
    """Return what of *call* would change something ("rm", "systemctl stop"), or ""."""
    if call.writes_to:
        return f"> {call.writes_to[0]}"
    if call.program in _READERS:
        return ""
    text = " ".join(call.words)
    if call.program in _WRITERS:
        return call.program
    if _MIGRATION.search(text):
        return text
    if call.program in _SQL_CLIENTS:
        found = _SQL.search(f"{text} {script}")
        return f"{call.program} … {found.group()}" if found else ""
    return _by_option(call) or _by_verb(call)


def _by_option(call: Call) -> str:
    words = call.arguments
    if call.program == "sed" and any(word.startswith(("-i", "--in-place")) for word in words):
        return "sed -i"
    if call.program == "sysctl" and "-w" in words:
        return "sysctl -w"
    if call.program == "curl":
        return _by_curl(words)
    if call.program in ("iptables", "ip6tables", "nft") and {"-A", "-D", "-I", "-F", "add", "delete", "flush"} & {
        *words
    }:
        return call.program
    return ""


def _by_curl(words: tuple[str, ...]) -> str:
    for index, word in enumerate(words):
        method = words[index + 1] if word in ("-X", "--request") and index + 1 < len(words) else ""
        method = method or (word[2:] if word.startswith("-X") else "")
        if method.upper() in ("POST", "PUT", "PATCH", "DELETE"):
            return f"curl -X {method}"
        if word in ("-d", "-F", "-T", "--data", "--data-binary", "--data-raw", "--form", "--upload-file", "--json"):
            return f"curl {word}"
    return ""


def _by_verb(call: Call) -> str:
    if call.program == "service":
        deed = call.plain[1] if len(call.plain) > 1 else ""
        return f"service … {deed}" if deed in _DEEDS else ""
    if _LISTS & {*call.plain[:4]} or {"--dry-run=server", "--dry-run=client"} & {*call.words}:
        return ""
    if call.program not in _DEED_ANYWHERE:
        # The object may come before the deed: "db door open", "svc api stop".
        return next((f"{call.program} {word}" for word in call.plain[:2] if word in _DEEDS), "")
    if call.verb in _READ_VERBS:
        return ""
    for word in call.plain[:4]:
        if word in _DEEDS or word.startswith(("add-", "del-", "set-", "lsp-add", "require-")):
            return f"{call.program} {word}"
    return ""


#: A word that takes something down -> the words that bring it back.
_BACK: Mapping[str, frozenset[str]] = {
    "stop": frozenset({"start", "restart", "run", "create", "up", "enable"}),
    "kill": frozenset({"start", "restart", "run", "create", "up"}),
    "down": frozenset({"up", "start"}),
    "disable": frozenset({"enable"}),
    "mask": frozenset({"unmask"}),
    "standby": frozenset({"unstandby"}),
    "unmanage": frozenset({"manage"}),
    "close": frozenset({"open"}),
    "cordon": frozenset({"uncordon"}),
    "drain": frozenset({"uncordon"}),
    "pause": frozenset({"unpause", "resume"}),
    "freeze": frozenset({"unfreeze", "thaw"}),
    "stop_app": frozenset({"start_app"}),
    "set": frozenset({"unset"}),
}
#: Verbs of kolla-ansible that make containers run again.
_KOLLA_STARTS = _words("deploy deploy-containers reconfigure upgrade mariadb-recovery")
#: Where "set" and "disable" stand for a flag that is forgotten now and then; elsewhere they are ordinary words.
_FLAG_SETTERS = frozenset({"ceph"})


def taken_down(call: Call) -> Iterator[tuple[str, str, str]]:
    """Yield (program, word, what) for everything *call* takes down: ("systemctl", "stop", "nova-api")."""
    if call.program in _READERS:
        return
    if call.program == "kolla-ansible":
        if "stop" in call.plain:
            yield "kolla-ansible", "stop", "containers"
        return
    if "--replicas=0" in call.words:
        yield from ((_family(call.program), "scale", what) for what in _after(call.plain, "scale"))
        return
    for index, word in enumerate(call.plain[:3]):
        if word in _BACK and (word != "set" or call.program in _FLAG_SETTERS):
            for what in _objects(call.plain, index):
                yield _family(call.program), word, what
            return


def brings_back(call: Call, program: str, word: str, what: str) -> bool:
    """Return whether *call* undoes "program word what"."""
    if _family(call.program) != program:
        return False
    if program == "kolla-ansible":
        return bool(_KOLLA_STARTS & {*call.plain})
    if word == "scale":
        return what in _after(call.plain, "scale") and "--replicas=0" not in call.words
    for index, each in enumerate(call.plain[:3]):
        if each in _BACK[word]:
            return what in _objects(call.plain, index)
    return False


def _after(plain: tuple[str, ...], word: str) -> tuple[str, ...]:
    return plain[plain.index(word) + 1 :] if word in plain else ()


def _objects(plain: tuple[str, ...], index: int) -> tuple[str, ...]:
    """The words after the deed; if there are none those before it; if there are none either, the whole thing."""
    found = plain[index + 1 :] or plain[:index] or ("everything",)
    return tuple(word.removesuffix(".service") for word in found)


def _family(program: str) -> str:
    return {"podman": "docker", "kubectl": "oc", "service": "systemctl"}.get(program, program)


#: Objects that hold nothing, or that whoever owns them makes anew.
_HOLD_NOTHING = _words("pod pods po job jobs resourcequota resourcequotas quota networkpolicy networkpolicies")


def _comes_back(call: Call) -> bool:
    if call.program not in ("oc", "kubectl") or "delete" not in call.plain:
        return False
    kind = _after(call.plain, "delete")[:1]
    return bool(kind) and kind[0].partition("/")[0] in _HOLD_NOTHING


def destroys(call: Call, script: str = "") -> str:
    """Return what of *call* cannot be taken back, as far as its words tell, or ""."""
    text = " ".join(call.words)
    if call.program == "rm" and any(re.fullmatch(r"-[a-zA-Z]*[rR][a-zA-Z]*|--recursive", word) for word in call.words):
        return "rm -r"
    if call.program in ("dd", "wipefs", "lvremove", "vgremove", "dropdb", "pg_restore") or call.program.startswith(
        "mkfs"
    ):
        return call.program
    if call.program in _SQL_CLIENTS and (found := _SQL_LOSS.search(f"{text} {script}")):
        return f"{call.program} … {found.group()}"
    if call.program in _READERS:
        return ""
    if _comes_back(call):
        return ""
    for word in call.plain[:3]:
        if word in ("restore", "destroy", "purge", "drop", "force_reset") or (
            word in ("delete", "remove", "rm") and call.program in _DEED_ANYWHERE - {"docker", "podman"}
        ):
            return f"{call.program} {word}"
    return ""
