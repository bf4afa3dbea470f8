"""The Galera cluster and its clients: who may begin, who gets what, what a dump brings back and what it leaves."""

import time

import pytest

from sandbox.systems.tools import dump, galera, records, units
from sandbox.systems.tools.machine import Machine
from tests.sandbox.systems.rack import Rack

ENGINE = "10.5.16-MariaDB"
STATUS = "mysql -NBe \"SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_status','wsrep_cluster_size','wsrep_ready')\""


@pytest.fixture
def cluster(rack: Rack) -> list[Machine]:
    """Three members, synced, with a small cloud's records."""
    machines = rack.add("controller-1", "controller-2", "controller-3")
    galera.furnish(machines, engine=ENGINE, addresses={"192.0.2.10": "vip"})
    scripts = records.cloud({"keystone": ["k1"], "nova": ["n1"]}, computes=["compute-1"], servers={"vm-1": "compute-1"})
    for machine in machines:
        records.furnish(galera.datadir(machine), scripts)
        units.define(machine, "mariadb", daemon=galera.DAEMON)
    rack.run("controller-1", "galera_new_cluster")
    for machine in machines[1:]:
        units.start(machine, "mariadb")
    return machines


def hashes(machines: list[Machine]) -> set[str]:
    return {dump.content_hash(galera.datadir(machine)) for machine in machines}


def grastate(machine: Machine) -> tuple[int, str]:
    said = galera.datadir(machine).grastate()
    return int(said["seqno"]), said["safe_to_bootstrap"]


def test_healthy(rack: Rack, cluster: list[Machine]) -> None:
    for machine in cluster:
        lines = dict(line.split("\t") for line in rack.run(machine.name, STATUS).splitlines())
        assert lines == {"wsrep_cluster_status": "Primary", "wsrep_cluster_size": "3", "wsrep_ready": "ON"}
        assert grastate(machine) == (-1, "0")
    assert rack.run("controller-2", "mysql -NBe \"SHOW STATUS LIKE 'wsrep_local_state_comment'\"").endswith("Synced")
    assert rack.run("controller-1", "mysql -NBe 'SELECT @@version'") == ENGINE
    assert rack.run("controller-1", "mysql -V").endswith("using readline 5.1")


def test_a_write_is_everywhere_and_reads_are_sql(rack: Rack, cluster: list[Machine]) -> None:
    before = galera.datadir(cluster[1]).position()["seqno"]
    rack.run(
        "controller-2",
        "mysql nova -e \"INSERT INTO instances VALUES (9, 'u', 'vm-9', 'active', 'compute-1', 0, '2026')\"",
    )

    asked = 'mysql -NBe "SELECT display_name, count(*) FROM nova.instances WHERE deleted=0 AND id > 8"'
    assert {rack.run(machine.name, asked) for machine in cluster} == {"vm-9\t1"}
    assert len(hashes(cluster)) == 1
    assert {galera.datadir(machine).position()["seqno"] for machine in cluster} == {before + 1}
    assert rack.run("controller-1", "mysql -h 192.0.2.10 -e 'SELECT max(id) AS top FROM nova.instances'") == "top\n9"
    assert rack.run("controller-1", "mysql -NBe 'SHOW DATABASES'").splitlines() == [
        "information_schema",
        "keystone",
        "mysql",
        "nova",
    ]
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema='nova' ORDER BY 1"
    assert rack.run("controller-1", f'mysql -NBe "{tables}"').split() == ["alembic_version", "instances", "services"]


@pytest.mark.parametrize(
    ("line", "err"),
    [
        ("mysql -e 'SELECT * FROM nova.wat'", "ERROR 1146 (42S02) at line 1: Table 'nova.wat' doesn't exist"),
        ("mysql nowhere -e 'SELECT 1'", "ERROR 1049 (42000): Unknown database 'nowhere'"),
        ("mysql -e 'SELECT wat FROM nova.services'", "ERROR 1054 (42S22) at line 1: Unknown column 'wat'"),
        ("mysql -e 'SELEKT 1'", "ERROR 1064 (42000) at line 1: You have an error in your SQL syntax"),
        ("mysql -e 'CREATE DATABASE nova'", "ERROR 1007 (HY000) at line 1: Can't create database 'nova'"),
        ("mysqldump nowhere", "Got error: 1049: \"Unknown database 'nowhere'\""),
        ("systemctl stop mariadb; mysql -e 'SELECT 1'", "ERROR 2002 (HY000): Can't connect to local server"),
        ("systemctl stop mariadb; mysqladmin ping", "error: 'Can't connect to local server"),
    ],
)
def test_how_it_fails(rack: Rack, cluster: list[Machine], line: str, err: str) -> None:
    said = rack.ask("controller-1", line)

    assert said.code != 0
    assert err in said.err


def test_passwords(rack: Rack, cluster: list[Machine]) -> None:
    with cluster[0].shared("galera") as state:
        state["password"] = "s3cret"
    assert "ERROR 1045 (28000): Access denied" in rack.ask("controller-1", "mysql -pwrong -e 'SELECT 1'").err
    assert rack.ask("controller-1", "mysql -u root -e 'SELECT 1'").err.endswith("(using password: NO)\n")
    for way in ("mysql -ps3cret", "MYSQL_PWD=s3cret mysql", "mysql --defaults-file=/root/db.cnf"):
        cluster[0].write("/root/db.cnf", '[client]\nuser=root\npassword="s3cret"\n')
        assert rack.run("controller-1", f"{way} -NBe 'SELECT 1'") == "1"
    assert rack.run("controller-1", "mysqladmin ping") == "mysqld is alive"


def test_an_ordered_stop_and_start(rack: Rack, cluster: list[Machine]) -> None:
    for name in ("controller-3", "controller-2", "controller-1"):
        rack.run(name, "systemctl stop mariadb")
    assert [grastate(machine)[1] for machine in cluster] == ["1", "0", "0"]
    assert all(grastate(machine)[0] >= 0 for machine in cluster)

    said = rack.ask("controller-2", "galera_new_cluster")
    assert said.code == 1
    assert "It may not be safe to bootstrap the cluster from this node." in said.err
    assert "pc.wait_prim_timeout" in rack.run("controller-3", "systemctl start mariadb; journalctl -u mariadb -o cat")

    rack.run("controller-1", "galera_new_cluster")
    rack.run("controller-2", "systemctl start mariadb")
    assert galera.status(cluster[1])["wsrep_cluster_size"] == "2"


def test_a_crash_of_all_and_the_recovery(rack: Rack, cluster: list[Machine]) -> None:
    """controller-3 dies first and is behind; 9 is less than 10 unless somebody compares words (G12)."""
    for machine in cluster:
        galera.datadir(machine).set_position(seqno=9)
    galera.crash(cluster[2])
    rack.run("controller-1", 'mysql nova -e "UPDATE services SET disabled = 1"')
    galera.crash(cluster[1])
    assert galera.status(cluster[0])["wsrep_cluster_status"] == "non-Primary"
    said = rack.ask("controller-1", "mysql -e 'SELECT count(*) FROM nova.services'")
    assert "ERROR 1047 (08S01) at line 1: WSREP has not yet prepared node" in said.err
    galera.crash(cluster[0])

    recovered = [rack.run(machine.name, "mysqld_safe --wsrep-recover") for machine in cluster]
    uuid = galera.datadir(cluster[0]).position()["uuid"]
    assert [line.partition("WSREP: Recovered position: ")[2] for line in recovered] == [
        f"{uuid}:10",
        f"{uuid}:10",
        f"{uuid}:9",
    ]
    assert rack.run("controller-3", "galera_recovery") == f"--wsrep_start_position={uuid}:9"
    assert [grastate(machine) for machine in cluster] == [(-1, "0")] * 3
    assert rack.ask("controller-1", "galera_new_cluster").code == 1

    sed = "sed -i 's/safe_to_bootstrap: 0/safe_to_bootstrap: 1/' " + cluster[0].path("/var/lib/mysql/grastate.dat")
    rack.run("controller-1", f"{sed} && galera_new_cluster")
    for name in ("controller-2", "controller-3"):
        rack.run(name, "systemctl start mariadb")
    assert len(hashes(cluster)) == 1
    assert galera.datadir(cluster[2]).position()["seqno"] == 10


def test_two_primaries_are_possible_and_show(rack: Rack, cluster: list[Machine]) -> None:
    """Who forces a second one beside a living one gets it: a plan that does so has to be found out."""
    rack.run("controller-3", "systemctl stop mariadb")
    path = cluster[2].path("/var/lib/mysql/grastate.dat")
    rack.run("controller-3", f"sed -i 's/bootstrap: 0/bootstrap: 1/' {path} && galera_new_cluster")

    primary = [galera.status(machine)["wsrep_cluster_status"] for machine in cluster]
    sizes = [galera.status(machine)["wsrep_cluster_size"] for machine in cluster]
    assert (primary, sizes) == (["Primary"] * 3, ["2", "2", "1"])
    rack.run("controller-3", "mysql nova -e 'DELETE FROM instances'")
    assert len(hashes(cluster)) == 2


def test_a_dump_brings_back_its_databases_and_no_others(rack: Rack, cluster: list[Machine]) -> None:
    """G11: what the new release made stays, unless somebody drops it."""
    before = hashes(cluster)
    rack.run("controller-1", "mysqldump --single-transaction --databases keystone nova >before.sql")
    text = rack.run("controller-1", "cat before.sql")
    assert text.splitlines()[-1].startswith("-- Dump completed on ")
    rack.run(
        "controller-1",
        'mysql -e "CREATE DATABASE placement; CREATE TABLE placement.t (a int); DELETE FROM nova.instances"',
    )
    rack.run(
        "controller-1", 'mysql -e "ALTER TABLE nova.instances ADD COLUMN flavor int; CREATE TABLE nova.cells (a int)"'
    )

    rack.run("controller-2", "mysql", stdin=text)

    assert hashes(cluster) != before
    assert rack.run("controller-3", "mysql -NBe 'SELECT display_name FROM nova.instances'") == "vm-1"
    assert "placement" in galera.datadir(cluster[0]).databases()
    rack.run("controller-1", "mysql -e 'DROP DATABASE placement; DROP TABLE nova.cells'")
    assert hashes(cluster) == before


def test_a_dump_that_drops_first_is_the_same_twice(rack: Rack, cluster: list[Machine]) -> None:
    before = hashes(cluster)
    text = rack.run("controller-1", "mysqldump --add-drop-database --databases nova")
    rack.run("controller-1", "mysql -e 'CREATE TABLE nova.cells (a int)'")
    for _ in range(2):
        rack.run("controller-1", "mysql", stdin=text)
        assert hashes(cluster) == before


def test_a_dump_cut_short_does_not_load(rack: Rack, cluster: list[Machine]) -> None:
    text = rack.run("controller-1", "mysqldump --databases keystone nova")
    short = text[: text.index("INSERT INTO `services`") + 60]

    said = rack.ask("controller-1", "mysql", stdin=short)

    assert said.code == 1
    assert "ERROR 1064" in said.err


def test_a_schema_alone(rack: Rack, cluster: list[Machine]) -> None:
    first = rack.run("controller-1", "mysqldump --no-data --skip-comments nova")
    rack.run("controller-1", "mysql -e 'DELETE FROM nova.instances'")
    assert rack.run("controller-1", "mysqldump --no-data --skip-comments nova") == first
    rack.run("controller-1", "mysql -e 'ALTER TABLE nova.services ADD COLUMN uuid varchar(36)'")
    assert rack.run("controller-1", "mysqldump --no-data --skip-comments nova") != first
    whole = [rack.run(machine.name, "mysqldump --skip-dump-date nova") for machine in cluster]
    assert len(set(whole)) == 1


def test_clustercheck(rack: Rack, cluster: list[Machine]) -> None:
    code = "curl -s -o /dev/null -w '%{http_code}' http://localhost:9200"
    assert rack.run("controller-1", code) == "200"
    assert rack.run("controller-1", "clustercheck").startswith("HTTP/1.1 200 OK")
    cluster[0].write("/var/tmp/clustercheck.disabled", "")
    assert rack.run("controller-1", code) == "503"
    assert rack.run("controller-2", "curl -s -o /dev/null -w '%{http_code}' http://controller-1:9200") == "503"
    assert rack.ask("controller-1", "clustercheck").code == 1
    assert rack.run("controller-1", "mysql -h 192.0.2.10 -NBe 'SELECT @@hostname'") == "controller-2"
    rack.run("controller-2", "systemctl stop mariadb")
    assert rack.ask("controller-2", "curl -sf http://localhost:9200").code == 22


def test_a_physical_backup_and_its_way_back(rack: Rack, cluster: list[Machine]) -> None:
    before, uuid = hashes(cluster), galera.datadir(cluster[0]).position()["uuid"]
    said = rack.ask("controller-1", "mariabackup --backup --galera-info --stream=mbstream >full.mb")
    assert said.err.rstrip().endswith("completed OK!")
    rack.run("controller-1", "mysql -e 'DELETE FROM nova.instances'")
    for name in ("controller-3", "controller-2", "controller-1"):
        rack.run(name, "systemctl stop mariadb")
    full, data = "/backup/restore/full", cluster[0].path("/var/lib/mysql")

    unpack = f"mkdir -p {cluster[0].path(full)} && mbstream -x -C {full} <full.mb"
    rack.run("controller-1", unpack)
    assert "not prepared yet" in rack.ask("controller-1", f"mariabackup --copy-back --target-dir {full}").err
    assert "completed OK!" in rack.ask("controller-1", f"mariabackup --prepare --target-dir {full}").err
    assert "is not empty!" in rack.ask("controller-1", f"mariabackup --copy-back --target-dir {full}").err
    rack.run("controller-1", f"mv {data} {data}.old && mkdir {data} && mariabackup --copy-back --target-dir {full}")
    rack.run("controller-1", "galera_new_cluster")
    for name in ("controller-2", "controller-3"):
        rack.run(name, "systemctl start mariadb")

    assert hashes(cluster) == before
    assert galera.datadir(cluster[2]).position()["uuid"] != uuid


def test_a_stream_cut_short_is_no_backup(rack: Rack, cluster: list[Machine]) -> None:
    rack.run("controller-1", "mariabackup --backup --stream=mbstream 2>/dev/null | head -c 700 >short.mb")
    assert "Wrong chunk magic" in rack.ask("controller-1", "mbstream -x -C /tmp <short.mb").err


def test_an_older_server_does_not_open_newer_data(rack: Rack, cluster: list[Machine]) -> None:
    for name in ("controller-3", "controller-2", "controller-1"):
        rack.run(name, "systemctl stop mariadb")
    units.change(cluster[0], "mariadb", engine="10.11.6-MariaDB")
    rack.run("controller-1", "galera_new_cluster && systemctl stop mariadb")

    units.change(cluster[0], "mariadb", engine=ENGINE)
    assert rack.ask("controller-1", "galera_new_cluster").code == 1
    assert "created with MariaDB 10.11.6" in rack.run("controller-1", "journalctl -u mariadb -o cat")


def test_a_joiner_is_not_there_before_it_is_synced(rack: Rack, cluster: list[Machine]) -> None:
    rack.run("controller-3", "systemctl stop mariadb && rm -rf " + cluster[2].path("/var/lib/mysql/grastate.dat"))
    with cluster[0].shared("galera") as state:
        state["sync_s"] = {"controller-3": 0.6}
    began = time.monotonic()

    said = rack.ask("controller-3", "systemctl start mariadb & sleep 0.3; mysql -e 'SELECT 1'; wait")

    assert "ERROR 2002" in said.err
    assert time.monotonic() - began >= 0.6
    assert galera.status(cluster[2])["wsrep_local_state_comment"] == "Synced"


def test_prepared_transactions_want_a_decision(rack: Rack, cluster: list[Machine]) -> None:
    galera.crash(cluster[0], prepared=2)
    said = rack.ask("controller-1", "mysqld_safe --wsrep-recover")
    assert (said.code, "Found 2 prepared transactions!" in said.err) == (1, True)
    rack.run("controller-1", "mysqld_safe --wsrep-recover --tc-heuristic-recover=rollback")


def test_a_new_empty_server(rack: Rack, cluster: list[Machine]) -> None:
    """What restoring by SQL alone begins with: system tables and nothing else."""
    for name in ("controller-3", "controller-2", "controller-1"):
        rack.run(name, "systemctl stop mariadb")
    data = cluster[0].path("/var/lib/mysql")
    rack.run("controller-1", f"mv {data} {data}.old; mkdir {data}")
    assert rack.ask("controller-1", "galera_new_cluster").code == 1

    rack.run("controller-1", "mysql_install_db --datadir=/var/lib/mysql --user=mysql && galera_new_cluster")

    assert rack.run("controller-1", "mysql -NBe 'SHOW DATABASES'").splitlines() == ["information_schema", "mysql"]
    assert rack.run("controller-1", "mysqladmin -u root shutdown; mysqladmin ping; echo $?").endswith("1")
