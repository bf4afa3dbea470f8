"""
The upgrade that goes wrong, over SSH from the deployment host, as its operator does it: backup, new virtual environment,
`kolla-ansible upgrade`. And the update that goes wrong: `pull` and `deploy-containers` of a newer build.
"""

from core.ledger import Snapshot
from sandbox.systems.kolla import layout, truth
from sandbox.systems.kolla.furnish import publish
from sandbox.systems.scenario import Act
from sandbox.systems.tools import galera
from sandbox.systems.world import World

#: What people did in the new cloud before anybody saw that it was broken.
LATE_WRITES = """
INSERT INTO keystone.user VALUES ('aaaaaaaa-0000-4000-8000-000000000001', 'late-user', 1, NOW());
INSERT INTO cinder.volumes VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'late-volume', 'available', 1, 0, NOW());
"""
BACKUPS = "/var/lib/docker/volumes/mariadb_backup/_data"


def kolla(release: str, words: str, config: str = "/etc/kolla") -> str:
    venv = layout.virtual_environment(release)
    return f"{venv}/bin/kolla-ansible {words} -i {config}/inventory --configdir {config}"


async def upgrade(world: World) -> None:
    """All of it, to the end; what is broken shows only when people use it."""
    await _begin(world)
    publish(world, layout.DESTINATION)
    await world.hosts[layout.DEPLOY].run(kolla(layout.DESTINATION, "upgrade"))
    await world.recorder.mark("upgrade-ran", "it ended well; no machine can be made")
    await _late(world)


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


async def update(world: World) -> None:
    await world.recorder.begin(layout.BEFORE_UPDATE, layout.AFTER_UPDATE)
    await world.recorder.capture()
    publish(world, layout.AFTER_UPDATE)
    deploy = world.hosts[layout.DEPLOY]
    await deploy.run(kolla(layout.ORIGIN, "pull"))
    await deploy.run(kolla(layout.ORIGIN, "deploy-containers"))
    await _late(world)


async def _begin(world: World) -> None:
    """What the operator does before: backup, baseline, a copy of the configuration."""
    deploy = world.hosts[layout.DEPLOY]
    backup = await _back_up(world)
    await world.recorder.begin(layout.ORIGIN, layout.DESTINATION)
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
    return Snapshot(
        name="backup",
        kind="mariabackup",
        place=place,
        host=first.name,
        sha256=sha256,
        taken_at=world.now(),
        engine_version=galera.engine_of(world.machine(first.name)),
        covers="all",
        release=layout.ORIGIN,
    )


async def _late(world: World) -> None:
    """People use it; then somebody sees that it is broken."""
    first = world.hosts[layout.CONTROLLERS[0]]
    line = "docker exec -i --env-file /root/.belay-mariadb.env mariadb mariadb -uroot"
    await first.ask(line, stdin=LATE_WRITES)
    truth.remember_late(world)
