"""`podman` and `docker`: images by name and digest, containers that last, units that are containers."""

import json

import pytest

from sandbox.systems.tools import containers, dataplane, units
from sandbox.systems.tools.machine import Machine
from tests.sandbox.systems.rack import Rack

OLD, NEW = "registry.example.net/kolla/nova-api:2025.1", "registry.example.net/kolla/nova-api:2026.1"


@pytest.fixture
def host(rack: Rack) -> Machine:
    (machine,) = rack.add("compute-1")
    for name, release in ((OLD, "2025.1"), (NEW, "2026.1")):
        containers.publish(machine, name, release=release)
    containers.pull(machine, OLD)
    containers.create(machine, "nova_api", OLD, restart="always")
    containers.run(machine, "nova_api")
    return machine


def test_what_runs(rack: Rack, host: Machine) -> None:
    assert rack.run("compute-1", "podman ps --format '{{.Names}} {{.Image}}'") == f"nova_api {OLD}"
    assert rack.run("compute-1", "docker ps -q").strip() == containers.get(host, "nova_api")["id"][:12]
    rack.run("compute-1", "docker stop nova_api")
    assert rack.run("compute-1", "docker ps -q") == ""
    assert rack.run("compute-1", "docker ps -a --format '{{.Names}}: {{.Status}}'") == "nova_api: Exited (0)"
    assert rack.run("compute-1", "podman ps -a --filter name=nova --filter status=exited -q") != ""
    rack.run("compute-1", "docker start nova_api")
    assert json.loads(rack.run("compute-1", "podman ps --format json"))[0]["Names"] == ["nova_api"]


def test_inspect(rack: Rack, host: Machine) -> None:
    digest = containers.digest_of(OLD)
    asked = "podman inspect nova_api --format '{{.State.Status}} {{.State.Running}} {{.ImageDigest}} {{.Config.Image}}'"
    assert rack.run("compute-1", asked) == f"running true {digest} {OLD}"
    assert rack.run("compute-1", "podman image inspect --format '{{.Digest}}' " + OLD) == digest
    ident = rack.run("compute-1", "docker inspect --format '{{.Image}}' nova_api")
    for name in (ident, ident.removeprefix("sha256:"), ident.removeprefix("sha256:")[:12]):
        assert rack.run("compute-1", f"docker image inspect --format '{{{{.Id}}}}' {name}") == ident
    repository = OLD.rpartition(":")[0]
    assert (
        rack.run("compute-1", f"docker image inspect {OLD} -f '{{{{index .RepoDigests 0}}}}'")
        == f"{repository}@{digest}"
    )
    assert rack.run("compute-1", "docker inspect -f '{{json .Config.Labels}}' nova_api") == '{"release": "2025.1"}'
    assert json.loads(rack.run("compute-1", "docker inspect nova_api"))[0]["Name"] == "/nova_api"


@pytest.mark.parametrize(
    ("line", "code", "err"),
    [
        ("podman inspect nowhere", 125, 'no such object: "nowhere"'),
        ("docker image inspect nowhere", 1, "Error: No such image: nowhere"),
        ("podman image exists nowhere", 1, ""),
        ("podman start nowhere", 125, 'no container with name or ID "nowhere" found: no such container'),
        ("docker start nowhere", 1, "Error response from daemon: No such container: nowhere"),
        ("podman pull registry.example.net/kolla/nothing:1", 125, "manifest unknown"),
        ("docker pull registry.example.net/kolla/nothing:1", 1, "manifest unknown"),
        ("podman exec nowhere true", 125, "no such container"),
        ("podman stop nova_api >/dev/null; podman exec nova_api true", 255, "container state improper"),
        ("docker stop nova_api >/dev/null; docker exec nova_api true", 1, "is not running"),
        ("podman exec nova_api no-such-program", 127, "executable file not found in $PATH"),
        ("podman exec nova_api sh -c 'exit 7'", 7, ""),
        ("podman rm nova_api", 2, "as it is running"),
        ("podman rmi " + OLD, 2, "image is in use by a container"),
        ("podman run --name nova_api " + OLD, 125, "is already in use"),
        ("podman frobnicate", 125, "unrecognized command"),
    ],
)
def test_how_it_fails(rack: Rack, host: Machine, line: str, code: int, err: str) -> None:
    said = rack.ask("compute-1", line)

    assert said.code == code, said
    assert err in said.err


def test_a_tag_moves_and_a_digest_does_not(rack: Rack, host: Machine) -> None:
    """G16: the same name is another image now; only the digest still finds the one of before."""
    before = containers.digest_of(OLD)
    repository = OLD.rpartition(":")[0]
    containers.publish(host, OLD, containers.digest_of("rebuilt"), release="2025.1")

    rack.run("compute-1", f"docker pull {OLD}")
    assert rack.run("compute-1", f"docker image inspect {OLD} -f '{{{{.Digest}}}}'") == containers.digest_of("rebuilt")
    rack.run("compute-1", f"docker pull {repository}@{before}")
    rack.run("compute-1", f"docker rm -f nova_api && docker run -d --name nova_api {repository}@{before}")
    assert containers.get(host, "nova_api")["image"] == before


def test_an_image_that_was_pruned_is_gone_for_good(rack: Rack, host: Machine) -> None:
    containers.withdraw(host, OLD)
    rack.run("compute-1", f"docker rm -f nova_api && docker rmi {OLD}")

    assert rack.ask("compute-1", f"docker pull {OLD}").code == 1
    assert rack.ask("compute-1", f"docker pull {OLD.rpartition(':')[0]}@{containers.digest_of(OLD)}").code == 1


def test_run_is_inside_and_leaves_nothing_with_rm(rack: Rack, host: Machine) -> None:
    script = "cat; echo $WHO $CONTAINER; command -v mysql"
    line = f"docker run --rm -i --name once -e WHO=me -v backup:/backup {NEW} sh -c '{script}'"
    said = rack.ask("compute-1", line, stdin="from stdin\n")

    assert said.code == 0, said
    assert said.out.splitlines()[:2] == ["from stdin", "me once"]
    assert said.out.splitlines()[2].endswith("/inside/mysql")
    assert not containers.running(host, "once")
    assert rack.run("compute-1", "docker volume ls -q") == "backup"
    rack.run("compute-1", "docker volume rm backup")
    assert rack.ask("compute-1", "docker volume rm backup").code == 1


def test_a_unit_that_is_a_container(rack: Rack, host: Machine) -> None:
    wanted = {"name": "keystone", "image_file": "/etc/sysconfig/keystone", "fresh": True}
    units.define(host, "keystone", daemon=containers.DAEMON, container=wanted)
    host.write("/etc/sysconfig/keystone", f'IMAGE="{NEW}"\n')
    assert rack.ask("compute-1", "systemctl start keystone").code == 1
    assert "image not known" in rack.run("compute-1", "journalctl -u keystone -o cat")

    rack.run("compute-1", f"podman pull {NEW} && systemctl start keystone")
    assert containers.release_of(host, "keystone") == "2026.1"
    host.write("/etc/sysconfig/keystone", f'IMAGE="{OLD}"\n')
    rack.run("compute-1", "systemctl restart keystone")
    assert containers.release_of(host, "keystone") == "2025.1"

    rack.run("compute-1", "podman stop keystone")
    assert rack.ask("compute-1", "systemctl is-active keystone").out == "failed\n"
    rack.run("compute-1", "systemctl start keystone && systemctl stop keystone")
    assert not containers.running(host, "keystone")


def test_what_workloads_feel_is_written_down(rack: Rack, host: Machine) -> None:
    containers.defaults(host, "openvswitch_vswitchd", carries="the tunnels of compute-1")
    rack.run("compute-1", f"docker run -d --name openvswitch_vswitchd {OLD}")
    assert dataplane.outages(host) == []

    rack.run("compute-1", "docker restart openvswitch_vswitchd")

    (outage,) = dataplane.outages(host)
    assert (outage["what"], outage["by"]) == ("the tunnels of compute-1", "compute-1: docker")
    assert 0 <= outage["end"] - outage["begin"] < 20
    assert not dataplane.out(host, "the tunnels of compute-1")
    rack.run("compute-1", "docker stop openvswitch_vswitchd")
    assert dataplane.out(host, "the tunnels of compute-1")


def test_a_tag_can_be_given_to_another_image(rack: Rack, host: Machine) -> None:
    """By digest, and by the id a container says it runs from; a name names one image."""
    rack.run("compute-1", f"docker pull {NEW}")
    running = rack.run("compute-1", "docker inspect --format '{{.Image}}' nova_api")
    rack.run("compute-1", f"docker tag {running} {NEW}")

    found = rack.run("compute-1", f"docker image inspect --format '{{{{.Id}}}}' {OLD} {NEW}").split()
    assert found == [running, running]
    assert rack.ask("compute-1", "docker tag nothing:here a:b").code == 1


def test_variables_come_from_a_file(rack: Rack, host: Machine) -> None:
    host.write("/root/secret.env", "MYSQL_PWD=quiet\n")
    said = rack.run("compute-1", "docker exec --env-file /root/secret.env nova_api sh -c 'echo $MYSQL_PWD'")
    assert said == "quiet"
