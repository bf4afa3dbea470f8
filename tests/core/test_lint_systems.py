"""What is known to go wrong with databases, clusters and their tools: found where it stands, and nowhere else."""

from typing import Any

import pytest

from core.lint import lint
from core.reader import build_plan
from tests.core.fleet_making import ITEMS, OVER
from tests.core.making import act, look, plan_data
from tests.core.test_lint import clean, found, script, with_step


def rules(data: dict[str, Any]) -> set[str]:
    return {finding.rule for finding in lint(build_plan(data))}


# -- databases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ('mysql -uroot -p"$PW" -e "select 1"', True),
        ('docker exec mariadb mysqladmin -p"$PW" shutdown', True),
        ("mysqldump --password=secret nova", True),
        ("openstack --os-password=x user list", True),
        ("mysql --defaults-file=/root/.my.cnf -e 'select 1'", False),
        ("mysql -p < x", False),
        ("psql -p5432 -c 'select 1'", False),
        ("tool -pretty", False),
    ],
)
def test_a_password_for_all_to_see(text: str, shows: bool) -> None:
    assert ("steps/0/do password-in-argv" in found(with_step(do=script(f"PW=x\n{text}")))) is shows


@pytest.mark.parametrize(
    ("line", "as_text"),
    [
        ("newest=$(cat seqno-* | sort | tail -1)", True),
        ("sort -k2 seqno.txt | tail -1", True),
        ('[ "$seqno_a" \\> "$seqno_b" ]', True),
        ("[[ $seqno > $best ]]", True),
        ("cat seqno-* | sort -n | tail -1", False),
        ("sort -k2 -n seqno.txt", False),
        ("sort -rn seqno.txt", False),
        ("sort --numeric-sort seqno.txt", False),
        ('[ "$seqno" -gt "$best" ]', False),
        ("grep seqno grastate.dat > out", False),
        ("sort uuids", False),
    ],
)
def test_sequence_numbers_are_numbers(line: str, as_text: bool) -> None:
    prelude = "set -eu\nseqno=1; best=1; seqno_a=1; seqno_b=1\n"

    assert ("steps/0/do seqno-as-text" in found(with_step(do=script(prelude + line)))) is as_text


@pytest.mark.parametrize(
    ("keys", "unchecked"),
    [
        ({}, True),
        ({"guard": ["converted"]}, False),
        ({"on": "elected", "elect": look("newest")}, False),
    ],
)
@pytest.mark.parametrize("command", [act("galera_new_cluster"), script("mariadbd --wsrep-new-cluster &")])
def test_a_bootstrap_nobody_chose_the_member_of(command: dict[str, Any], keys: dict[str, Any], unchecked: bool) -> None:
    assert ("steps/0 bootstrap-unchecked" in found(with_step(do=command, **keys))) is unchecked


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("mysql < /backup/all.sql", True),
        ("zcat /backup/all.sql.gz | podman exec -i db mysql", True),
        ("mysql -e 'DROP DATABASE IF EXISTS nova_cell0'\nmysql < /backup/all.sql", False),
        ("mysql -e 'select 1' < /dev/null", False),
        ("mysql <<'E'\nselect 1;\nE", False),
        ("zcat x.gz | sha256sum", False),
    ],
)
def test_a_load_that_leaves_what_it_does_not_know(text: str, half: bool) -> None:
    data = with_step(1, do=script(f"set -eu\n{text}"))

    assert ("steps/1/do load-without-drop" in found(data)) is half


def test_keys_go_back_with_the_database_that_has_their_users() -> None:
    data = with_step(1, do=script("set -eu\nmysql < x"))
    data["steps"][0]["do"] = act("systemctl", "stop", "keystone")
    looked = with_step(1, do=script("set -eu\nmysql < x"))
    looked["steps"][0]["do"] = act("systemctl", "stop", "keystone")
    looked["preflight"].append({"id": "keys", "role": "controller", **look("sha256sum", "/etc/keystone/fernet-keys/0")})

    assert "keys-not-restored" in rules(data)
    assert "keys-not-restored" not in rules(looked)
    assert "keys-not-restored" not in rules(with_step(1, do=script("set -eu\nmysql < x")))


@pytest.mark.parametrize(
    ("need", "unchecked"),
    [
        ({"kind": "mariabackup"}, True),
        ({"kind": "mariabackup", "engine": "10.6"}, False),
        ({"kind": "mysqldump"}, False),
    ],
)
def test_who_may_read_a_physical_backup(need: dict[str, Any], unchecked: bool) -> None:
    data = clean()
    data["snapshots"]["db"] = need

    assert ("snapshots/db engine-unchecked" in found(data)) is unchecked


def test_a_snapshot_that_may_have_run_full() -> None:
    merged = with_step(1, do=act("lvconvert", "--merge", "vg/before"))
    seen = with_step(1, do=act("lvconvert", "--merge", "vg/before"))
    probe = look("lvs", "-o", "lv_name,snap_percent", "{snapshot.db.place}")
    seen["preflight"].append({"id": "space", "role": "controller", **probe})

    assert "steps/1/do snapshot-space-unseen" in found(merged)
    assert "snapshot-space-unseen" not in rules(seen)


# -- clusters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "everything"),
    [
        (("kolla-ansible", "stop", "-i", "inv"), True),
        (("kolla-ansible", "stop", "-i", "inv", "-t", "nova"), False),
        (("kolla-ansible", "stop", "--tags=nova"), False),
        (("kolla-ansible", "deploy", "-i", "inv"), False),
    ],
)
def test_kolla_stops_only_what_is_named(words: tuple[str, ...], everything: bool) -> None:
    assert ("steps/0/do stops-everything" in found(with_step(do=act(*words)))) is everything


@pytest.mark.parametrize(
    ("words", "mutable"),
    [
        (("docker", "pull", "quay.io/x/keystone:2025.2"), True),
        (("podman", "run", "--rm", "-v", "data:/var/lib/mysql", "registry/mariadb:10.6"), True),
        (("kolla-ansible", "deploy", "-e", "keystone_tag=2025.2"), True),
        (("docker", "pull", "quay.io/x/keystone@sha256:abc"), False),
        (("docker", "pull", "{baseline.image}"), False),
        (("docker", "run", "-p", "8080:80", "-v", "/etc/x:/etc/y", "{baseline.image}"), False),
        (("kolla-ansible", "deploy", "-e", "keystone_tag={region}"), False),
        (("docker", "stop", "keystone"), False),
    ],
)
def test_an_image_is_named_by_what_it_is(words: tuple[str, ...], mutable: bool) -> None:
    assert ("steps/0/do mutable-tag" in found(with_step(do=act(*words)))) is mutable


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("""oc patch x --patch '{"metadata":{"finalizers":[]}}'""", "finalizers-removed"),
        ("""oc patch x --patch '{"metadata":{"finalizers":null}}'""", "finalizers-removed"),
        ("""oc patch hc x -p '{"spec":{"release":{"image":"y"}}}'""", "stale-annotation"),
        ("""oc -n y patch hostedcluster x -p '{"spec":{"controlPlaneRelease":{"image":"y"}}}'""", "stale-annotation"),
        ("oc get hc x -o jsonpath='{.status.version.history[1].image}'", "history-by-index"),
        ("ceph osd require-osd-release reef", "one-way-door"),
        ("rabbitmqctl enable_feature_flag all", "one-way-door"),
        ("nova-manage db online_data_migrations", "one-way-door"),
    ],
)
def test_words_that_do_more_than_they_seem_to(text: str, finding: str) -> None:
    assert f"steps/0/do {finding}" in found(with_step(do=script(text)))


@pytest.mark.parametrize(
    "text",
    [
        """oc get hc x -o jsonpath='{.metadata.finalizers}'""",
        """oc patch hc x -p '{"metadata":{"annotations":{"force-upgrade-to":"y"}},"spec":{"release":{"image":"y"}}}'""",
        """oc patch hc x -p '{"spec":{"pausedUntil":null}}'""",
        "oc get hc x -o jsonpath='{.status.version.history[0].image}'",
        "ceph osd dump",
        "rabbitmqctl list_feature_flags",
    ],
)
def test_words_that_do_not(text: str) -> None:
    bad = {"finalizers-removed", "stale-annotation", "history-by-index", "one-way-door"}

    assert not bad & rules(with_step(do=script(text)))


def test_a_probe_may_look_whether_a_door_was_passed() -> None:
    data = clean()
    probe = data["points_of_no_return"][0]["probes"][0]
    probe["argv"] = ["sh", "-c", "ceph osd dump | grep require-osd-release"]

    assert "one-way-door" not in rules(data)


@pytest.mark.parametrize(
    ("words", "verify", "late"),
    [
        (("pcs", "resource", "enable", "x"), look("pcs", "status"), True),
        (("pcs", "resource", "enable", "x", "--wait=600"), look("pcs", "status"), False),
        (("pcs", "resource", "enable", "x"), look("pcs", "status", within_s=60), False),
        (("pcs", "property", "set", "x=y"), look("pcs", "status"), False),
    ],
)
def test_a_wish_is_no_fact(words: tuple[str, ...], verify: dict[str, Any], late: bool) -> None:
    assert ("steps/0/verify not-awaited" in found(with_step(do=act(*words), verify=verify))) is late


@pytest.mark.parametrize(
    ("do", "twice"),
    [
        (act("iptables", "-I", "INPUT", "-j", "DROP"), True),
        (script("iptables -C INPUT -j DROP 2>/dev/null || iptables -I INPUT -j DROP"), False),
        (act("pcs", "constraint", "order", "start", "a", "then", "b", "id=x"), True),
        (script("pcs constraint list --full | grep -q id:x || pcs constraint order start a then b id=x"), False),
        (act("svc", "stop"), False),
    ],
)
def test_what_does_harm_twice(do: dict[str, Any], twice: bool) -> None:
    assert ("steps/0/idempotent not-idempotent" in found(with_step(do=do, idempotent=True))) is twice


@pytest.mark.parametrize(("on", "first"), [("first", True), ("one_reachable", False), ("all", False)])
def test_any_member_can_answer_for_the_cluster(on: str, first: bool) -> None:
    step = with_step(do=act("sudo", "-n", "pcs", "resource", "enable", "x", "--wait=60"), on=on)

    assert ("steps/0/on first-configured" in found(step)) is first


@pytest.mark.parametrize(
    ("item", "matches", "unseen"),
    [
        ("galera-bundle", "Started", True),
        ("galera-bundle", "Started|Promoted|Master", False),
        ("openstack-cinder-volume", "Started", False),
    ],
)
def test_galera_is_promoted_and_never_started(item: str, matches: str, unseen: bool) -> None:
    verify = {**look("pcs", "resource", "status", "{item}"), "expect": {"matches": matches, "exit": 0}}

    assert ("steps/0/verify promoted-unseen" in found(with_step(foreach=[item], verify=verify))) is unseen


ACTIVE = {"argv": ["systemctl", "is-active", "nova-api"], "timeout_s": 5, "expect": {"equals": "active"}}


def test_active_is_not_ready() -> None:
    start = act("systemctl", "start", "nova-api")
    data = with_step(2, do=start, verify=ACTIVE)
    data["validations"] = [{"id": "runs", "role": "controller", **look("svc", "state")}]
    asked = with_step(2, do=start, verify=ACTIVE)  # its validation asks by curl

    assert "steps/2/verify active-is-not-ready" in found(data)
    assert "active-is-not-ready" not in rules(asked)
    data["steps"][2]["do"] = act("systemctl", "start", "mariadb")
    assert "active-is-not-ready" not in rules(data)


def test_a_host_that_cannot_be_asked_is_no_answer() -> None:
    data = with_step(verify={**look("x"), "expect": {"exit": [0, 255], "matches": "y"}})

    assert "steps/0/verify/expect transport-as-answer" in found(data)


@pytest.mark.parametrize(("sizes", "all_at_once"), [([5], True), ([2, 10], True), ([1, 10], False)])
def test_the_first_wave_is_a_canary(sizes: list[int], all_at_once: bool) -> None:
    items = {"clusters": {**ITEMS["clusters"], "waves": sizes}}
    data = plan_data({"start": {"foreach": OVER}}, items=items)
    data["parameters"]["which"] = {"what": "which"}

    assert ("items/clusters/waves no-canary" in found(data)) is all_at_once


# -- baselines and fleets that nothing uses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "unused"),
    [
        ({"compare": False}, True),
        ({}, False),
        ({"compare": False, "lines": True, "foreach": True}, False),
        ({"compare": False, "word": "{baseline.units}"}, False),
        ({"compare": False, "word": "{baseline.units@c1}"}, False),
    ],
)
def test_a_baseline_nothing_uses(keys: dict[str, Any], unused: bool) -> None:
    keys = dict(keys)
    foreach, word = keys.pop("foreach", False), keys.pop("word", "x")
    data = with_step(do=act("svc", "stop", word), **({"foreach": {"baseline": "units"}} if foreach else {}))
    data["baselines"] = [{"id": "units", "role": "controller", **act("ls"), **keys}]

    assert ("baselines/0 unused" in found(data)) is unused


def test_a_baseline_only_a_script_reads_is_used() -> None:
    data = with_step(do=script('svc stop "$BASELINE_UNITS"'))
    data["baselines"] = [{"id": "units", "role": "controller", **act("ls"), "compare": False}]

    assert "baselines/0 unused" not in found(data)


def test_a_fleet_nothing_goes_over() -> None:
    data = clean()
    data["items"], data["parameters"]["which"] = ITEMS, {"what": "which"}

    assert "items/clusters unused" in found(data)
    assert "parameters/which unused" not in found(data)


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        (act("rm", "-f", "/tmp/x"), "look-that-writes"),
        (script("svc list || echo none"), "failure-as-answer"),
        (script("svc list || true"), "check-that-cannot-fail"),
        ({**script("svc list | sort"), "may_be_empty": True}, "silence-is-empty"),
        (script("svc list | sort"), None),
        ({**script("set -eu\nx=$(svc list)\nprintf '%s' \"$x\" | awk 1 | sort"), "may_be_empty": True}, None),
        ({**script("svc list > /dev/null; svc list"), "may_be_empty": True}, None),
    ],
)
def test_what_captures_a_baseline_only_looks_and_can_fail(command: dict[str, Any], rule: str | None) -> None:
    data = clean()
    data["baselines"] = [{"id": "units", "role": "controller", **command}]

    about = {each.removeprefix("baselines/0 ") for each in found(data) if each.startswith("baselines/0")}
    assert rule in about if rule else not about


def test_what_discovers_a_fleet_can_fail() -> None:
    items = {"clusters": {**ITEMS["clusters"], "discover": {"role": "controller", **script("list || echo '[]'")}}}
    data = plan_data({"start": {"foreach": OVER}}, items=items)
    data["parameters"]["which"] = {"what": "which"}

    assert "items/clusters/discover failure-as-answer" in found(data)


@pytest.mark.parametrize(
    ("words", "destroys"),
    [
        (("oc", "delete", "pod", "x", "--wait=false"), False),
        (("kubectl", "-n", "y", "delete", "job/x"), False),
        (("oc", "delete", "resourcequota", "fence"), False),
        (("oc", "delete", "pvc", "x"), True),
        (("oc", "delete", "openstackcontrolplane/x"), True),
    ],
)
def test_what_is_made_anew_is_not_lost(words: tuple[str, ...], destroys: bool) -> None:
    assert ("steps/0/do unmarked-destruction" in found(with_step(do=act(*words)))) is destroys


# -- what a way back leaves out --------------------------------------------------------------------------------------


RESTORES = "mysql -e 'DROP DATABASE nova_cell0'\nmysql < /var/backups/all.sql"


def only(texts: list[str]) -> dict[str, Any]:
    """A plan of one step a text, which registers no snapshot."""
    data = clean()
    model = data["steps"][0]
    data["steps"] = [{**model, "id": f"s{n}", "do": script(text)} for n, text in enumerate(texts)]
    data["preflight"].pop()
    del data["snapshots"]
    return data


@pytest.mark.parametrize(
    ("text", "unregistered"),
    [
        (RESTORES, True),
        ("mbstream -x < b\nmariabackup --copy-back --target-dir d", True),
        ("docker run -v mariadb_backup:/b kolla-mariadb mariadb_recovery", True),
        ("mysql -e 'select 1'", False),
    ],
)
def test_a_backup_nobody_registered(text: str, unregistered: bool) -> None:
    assert ("steps/0/do unregistered-backup" in found(only([text]))) is unregistered
    assert "unregistered-backup" not in rules(with_step(do=script(text)))


@pytest.mark.parametrize(
    ("before", "after", "late"),
    [
        ("true", "systemctl stop nova-compute", True),
        ("true", "sudo docker stop neutron_l3_agent", True),
        ("systemctl stop nova-compute", "systemctl stop nova-compute", False),
        ("true", "systemctl stop haproxy", False),
        ("true", "systemctl start nova-compute", False),
    ],
)
@pytest.mark.parametrize("restores", [True, False])
def test_agents_of_the_new_release_that_outlive_it(before: str, after: str, late: bool, restores: bool) -> None:
    data = only([before, RESTORES if restores else "mysql -e 'select 1'", after])

    assert ("steps/2/do stopped-after-restore" in found(data)) is (late and restores)


@pytest.mark.parametrize(
    ("look_at", "left"), [("pcs constraint --full", False), ("cibadmin --query", False), ("pcs status", True)]
)
def test_what_was_changed_around_the_resources(look_at: str, left: bool) -> None:
    data = with_step(do=script("pcs resource enable galera-bundle --wait=60"), verify=look(*look_at.split()))

    assert ("steps/0 cluster-not-compared" in found(data)) is left


@pytest.mark.parametrize(
    ("items", "do", "fixed"),
    [
        (["a.service", "b.service"], script('sudo systemctl start "$ITEM"'), True),
        (["a.service", "b.service"], act("systemctl", "start", "{item}"), True),
        (["a.service"], act("systemctl", "start", "{item}"), False),
        (["a.service", "b.service"], act("systemctl", "stop", "{item}"), False),
        ({"baseline": "units"}, act("systemctl", "start", "{item}"), False),
    ],
)
def test_units_from_a_list_in_the_plan(items: Any, do: dict[str, Any], fixed: bool) -> None:
    data = with_step(do=do, foreach=items)
    data["baselines"] = [{"id": "units", "role": "controller", "lines": True, **act("systemctl", "list-units")}]

    assert ("steps/0/foreach fixed-unit-list" in found(data)) is fixed


def test_what_kolla_ansible_stops_it_deploys_again() -> None:
    stop = act("kolla-ansible", "stop", "-i", "inventory", "-t", "nova")
    data = with_step(do=stop, undo=act("kolla-ansible", "deploy-containers", "-i", "inventory", "-t", "nova"))
    assert "stop-without-start" not in rules(data)

    assert "stop-without-start" in rules(with_step(do=stop, undo=act("kolla-ansible", "check", "-i", "inventory")))
