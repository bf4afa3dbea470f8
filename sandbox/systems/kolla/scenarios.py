"""What can be practised on the way back of a Kolla cloud: C1 to C6 as the facts name them, and a few more."""

from sandbox.systems.kolla import layout
from sandbox.systems.kolla.happenings import (
    another_backup,
    behind,
    history_of_its_own,
    joins,
    lost_the_old_tools,
    older_backup_engine,
    recovered_at,
    slow_to_join,
)
from sandbox.systems.kolla.upgrade import stops_at, update, update_of, upgrade_from
from sandbox.systems.scenario import Answer, End, Scenario, before

#: Versions of the new release's images under which RabbitMQ stays in its series.
SAME_RABBIT = {"rabbitmq": "4.0.9"}
OLD_IMAGES = "kolla-old-images"

SCENARIOS = (
    Scenario(
        name="C3",
        title="After the contract, with a valid backup",
        what_to_expect="The backup is restored, Galera recovered, RabbitMQ built anew, the old release deployed.",
        end=End.SUCCEEDED,
    ),
    Scenario(
        name="C1",
        title="An update goes back by digest, under a tag that has moved",
        what_to_expect="Each container is fetched by its recorded digest and replaced; nothing is restored.",
        end=End.SUCCEEDED,
        plan="kolla-update",
        upgrade=update,
    ),
    Scenario(
        name="C1-half",
        title="An update that ended half-way, before nova and neutron",
        what_to_expect="What was replaced goes back; libvirt and the agents, whose tags name newer images, stay.",
        end=End.SUCCEEDED,
        plan="kolla-update",
        upgrade=update_of("mariadb", "keystone", "glance"),
    ),
    Scenario(
        name="C2",
        title="The upgrade failed before keystone's contract",
        what_to_expect="The old images run on the expanded schema, and what people wrote is still there.",
        end=End.SUCCEEDED,
        plan=OLD_IMAGES,
        upgrade=stops_at("keystone", **SAME_RABBIT),
    ),
    Scenario(
        name="C2-abort",
        title="The same, and somebody goes back to the new images once Galera runs again",
        what_to_expect="MariaDB gets the newer image again, and every service that was stopped runs.",
        end=End.UNWOUND,
        plan=OLD_IMAGES,
        upgrade=stops_at("keystone", **SAME_RABBIT),
        answers=(Answer(to="rebuild-rabbitmq", word="abort", reason="the handler can be run again"),),
    ),
    Scenario(
        name="C2-restore",
        title="The same, and somebody asks for the backup to be restored",
        what_to_expect="Refused: kolla-old-images would lose nothing, and is named.",
        end=End.REFUSED,
        says=("open: no contract ran. The plan kolla-old-images goes back and loses nothing",),
        upgrade=stops_at("keystone", **SAME_RABBIT),
    ),
    Scenario(
        name="C3-old-images",
        title="After the contract, and somebody asks for the old images",
        what_to_expect="Refused: the old keystone cannot use the contracted database.",
        end=End.REFUSED,
        says=("keystone-contracted is CROSSED", "glance-contracted is CROSSED"),
        plan=OLD_IMAGES,
    ),
    Scenario(
        name="C4",
        title="The backup is of another major version of MariaDB",
        what_to_expect="Refused: a physical backup is read by the version that wrote it alone.",
        end=End.REFUSED,
        says=("has to be of the engine 10.11", "11.4.2-MariaDB"),
        prepare=older_backup_engine,
    ),
    Scenario(
        name="C4-checksum",
        title="The backup is not the file that was recorded",
        what_to_expect="Refused: what would be restored is not what was kept.",
        end=End.REFUSED,
        says=("backup-lost is CROSSED", "is not what was recorded"),
        prepare=another_backup,
    ),
    Scenario(
        name="C5",
        title="Two members crash while MariaDB is stopped",
        what_to_expect="Galera begins anew at the member with the highest sequence number, compared as numbers.",
        end=End.SUCCEEDED,
        plan=OLD_IMAGES,
        upgrade=stops_at("keystone", **SAME_RABBIT),
        at={before("galera-positions"): behind({"control-1": 99, "control-2": 100, "control-3": 97})},
        also=recovered_at("control-2"),
    ),
    Scenario(
        name="C5-histories",
        title="A member has another history",
        what_to_expect="It stops and asks: which history is the true one is nobody's to guess but a person's.",
        end=End.ASKS,
        says=("the members have different histories",),
        right=False,
        plan=OLD_IMAGES,
        upgrade=stops_at("keystone", **SAME_RABBIT),
        at={before("galera-positions"): history_of_its_own("control-3")},
    ),
    Scenario(
        name="C6",
        title="A member does not get in sync",
        what_to_expect="It stops and asks; somebody mends it and starts it; the retry begins no second cluster.",
        end=End.SUCCEEDED,
        at={before("recover-galera"): slow_to_join("control-3")},
        answers=(
            Answer(
                to="recover-galera",
                word="retry",
                first=joins("control-3"),
                first_says="docker restart mariadb, on control-3, whose disk was full",
            ),
        ),
        also=recovered_at("control-1"),
    ),
    Scenario(
        name="C7",
        title="The old configuration was thrown away",
        what_to_expect="Refused: without the old globals, passwords and inventory nobody can deploy the old release.",
        end=End.REFUSED,
        says=(
            "toolchain-lost is CROSSED",
            "there is no /etc/kolla-old/globals.yml",
        ),
        prepare=lost_the_old_tools,
    ),
    Scenario(
        name="C8",
        title="The recorded release is no release",
        what_to_expect="Refused: what is to be gone back to cannot be told.",
        end=End.REFUSED,
        says=("'epoxy' is no release of OpenStack",),
        upgrade=upgrade_from("epoxy", layout.DESTINATION),
    ),
    Scenario(
        name="C9",
        title="Somebody thinks better of it before the restore",
        what_to_expect="Everything that was stopped runs again, from the new images, with all data.",
        end=End.UNWOUND,
        answers=(Answer(to="restore", word="abort", reason="the cause was found"),),
    ),
)
