"""
The upgrade that goes wrong, over SSH from the deployment host, as its operator does it: backup, new virtual
environment, `kolla-ansible upgrade`. And the update that goes wrong: `pull` and `deploy-containers` of a newer build.
"""

import json
from datetime import datetime

from core.ledger import Snapshot
from sandbox.systems.kolla import layout, truth
from sandbox.systems.kolla.furnish import publish
from sandbox.systems.scenario import Act
from sandbox.systems.tools import virsh
from sandbox.systems.world import World

LATE_SERVER = "aaaaaaaa-0000-4000-8000-000000000003"
#: What people did in the new cloud before anybody saw that it was broken.
LATE_WRITES = f"""
INSERT INTO keystone.user VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'late-user', 1, NOW());
INSERT INTO nova.instances VALUES (90, '{LATE_SERVER}', 'late-server', 'active', 'compute-2', 0, NOW());
INSERT INTO cinder.volumes VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'late-volume', 'available', 1, 0, NOW());
"""
BACKUPS = "/var/lib/docker/volumes/mariadb_backup/_data"


def kolla(release: str, words: str, config: str = "/etc/kolla") -> str:
    venv = layout.virtual_environment(release)
    return f"{venv}/bin/kolla-ansible {words} -i {config}/inventory --configdir {config}"


def upgrade_from(origin: str, destination: str) -> Act:
    """Return an upgrade to the end, recorded as one between those; what is broken shows only when people use it."""

    async def act(world: World) -> None:
        await _begin(world, origin, destination)
        publish(world, layout.DESTINATION)
        await world.hosts[layout.DEPLOY].run(kolla(layout.DESTINATION, "upgrade"))
        await world.recorder.mark("upgrade-ran", "it ended well; no machine can be made")
        await _late(world)

    return act


upgrade = upgrade_from(layout.ORIGIN, layout.DESTINATION)


def stops_at(role: str, **engines: str) -> Act:
    """Return an upgrade that fails right before *role*'s contract; *engines* are versions its images have."""

    async def act(world: World) -> None:
        await _begin(world)
        publish(world, layout.DESTINATION, **engines)
        with world.machine(layout.DEPLOY).shared("kolla") as about:
            about["fails"] = {role: "before contract"}
        said = await world.hosts[layout.DEPLOY].ask(kolla(layout.DESTINATION, "upgrade"))
        await world.recorder.mark(f"{role}-expanded", f"it failed there, exit status {said.exit_code}")
        await _late(world)

    return act


def update_of(*roles: str) -> Act:
    """Return an update that fetched every newer build, under the same tag, and got as far as *roles*: no migration."""

    async def act(world: World) -> None:
        await _update(world, f"-t {','.join(roles)}")

    return act


async def update(world: World) -> None:
    await _update(world, "")


async def _update(world: World, tags: str) -> None:
    await world.recorder.begin(layout.BEFORE_UPDATE, layout.AFTER_UPDATE)
    await world.recorder.capture()
    publish(world, layout.AFTER_UPDATE)
    deploy = world.hosts[layout.DEPLOY]
    await deploy.run(kolla(layout.ORIGIN, "pull"))
    await deploy.run(kolla(layout.ORIGIN, f"deploy-containers {tags}"))
    await _late(world)


async def _begin(world: World, origin: str = layout.ORIGIN, destination: str = layout.DESTINATION) -> None:
    """What the operator does before: backup, baseline, a copy of the configuration."""
    deploy = world.hosts[layout.DEPLOY]
    backup = await _back_up(world)
    await world.recorder.begin(origin, destination)
    await world.recorder.snapshot(backup)
    await world.recorder.capture()
    await deploy.run(
        "set -e; cp -a /etc/kolla /etc/kolla-old; ln -s /opt/kolla-2025.1 /opt/kolla-old; "
        f"ln -sfn /opt/kolla-2025.2 /opt/kolla; sed -i s/{layout.ORIGIN}/{layout.DESTINATION}/ /etc/kolla/globals.yml"
    )


async def _back_up(world: World) -> Snapshot:
    first = world.hosts[layout.CONTROLLERS[0]]
    await world.hosts[layout.DEPLOY].run(kolla(layout.ORIGIN, "mariadb-backup"))
    sha256, place = (await first.run(f"sha256sum {BACKUPS}/full-*/*.gz")).split()
    world.known["backup"] = json.dumps([place, sha256, world.now().isoformat()])
    return kept_backup(world)


def kept_backup(world: World) -> Snapshot:
    """Return what the operator records of the backup."""
    place, sha256, taken_at = json.loads(world.known["backup"])
    return Snapshot(
        name="backup",
        kind="mariabackup",
        place=place,
        host=layout.CONTROLLERS[0],
        sha256=sha256,
        taken_at=datetime.fromisoformat(taken_at),
        engine_version=layout.ENGINE[layout.ORIGIN],
        covers="all",
        release=layout.ORIGIN,
    )


async def _late(world: World) -> None:
    """People use it; then somebody sees that it is broken."""
    first = world.hosts[layout.CONTROLLERS[0]]
    line = "docker exec -i --env-file /root/.belay-mariadb.env mariadb mariadb -uroot"
    await first.ask(line, stdin=LATE_WRITES)
    virsh.define(world.machine("compute-2"), "late-server", LATE_SERVER)
    truth.remember_late(world)
