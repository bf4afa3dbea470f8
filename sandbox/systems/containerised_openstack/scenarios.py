"""What can be practised on the way back from Ocata to Newton: D1 to D6 as the facts name them, and eight more."""

from sandbox.systems.containerised_openstack import happenings as happens
from sandbox.systems.containerised_openstack import upgrade
from sandbox.systems.containerised_openstack.truth import evidence_has_the_newest, evidence_kept
from sandbox.systems.scenario import BEFORE_CLAIM, Answer, End, Scenario, before, during

SCENARIOS = (
    Scenario(
        name="D1",
        title="Nothing stands in the way",
        what_to_expect="Newton is back with its data, the new state is kept as evidence, and a commit is refused.",
        end=End.SUCCEEDED,
        also=evidence_kept,
    ),
    Scenario(
        name="D2",
        title="The dump is not the recorded one any more",
        what_to_expect="Refused: its checksum is another.",
        end=End.REFUSED,
        says=("dump-lost is CROSSED", "galera.sql.gz is not the recorded one"),
        prepare=happens.spoil_dump,
    ),
    Scenario(
        name="D3",
        title="Galera is down, and its members have two histories",
        what_to_expect="It asks: nobody but a person can say which one counts. Nothing is begun anywhere.",
        end=End.ASKS,
        says=("the histories differ", "controller-2"),
        prepare=happens.two_histories,
    ),
    Scenario(
        name="D4",
        title="A port is open that was not before",
        what_to_expect="The last validations stop at it and ask; somebody closes it, and it is looked at again.",
        end=End.SUCCEEDED,
        prepare=happens.open_a_port,
        answers=(
            Answer(
                to="open, was not: tcp 6000",
                word="retry",
                first=happens.runs(happens.SECOND, "systemctl stop debug-shell"),
                first_says="systemctl stop debug-shell, on controller-2",
            ),
        ),
        also=evidence_kept,
    ),
    Scenario(
        name="D5",
        title="The team has committed the upgrade",
        what_to_expect="Refused: by policy nobody goes back after that.",
        end=End.REFUSED,
        says=("upgrade-committed is CROSSED", "mgmt-1: committed"),
        prepare=happens.commit_it,
    ),
    Scenario(
        name="D6",
        title="A one-way flag of Ceph was set",
        what_to_expect="Refused: no flag of that kind can be taken back.",
        end=End.REFUSED,
        says=("ceph-gate-closed is CROSSED", "moved: flag require_jewel_osds"),
        prepare=happens.runs(happens.FIRST, "ceph osd set require_jewel_osds"),
    ),
    Scenario(
        name="D7",
        title="The dump is of another MariaDB than the baseline",
        what_to_expect="Refused before anybody is asked: it is from some other cluster, or from another time.",
        end=End.REFUSED,
        says=("10.3.8",),
        upgrade=upgrade.with_another_engine,
    ),
    Scenario(
        name="D8",
        title="Nobody captured a baseline",
        what_to_expect="Refused: nothing would say what there was, and so nothing could say that it is back.",
        end=End.REFUSED,
        says=("baseline",),
        upgrade=upgrade.unrecorded,
    ),
    Scenario(
        name="D9",
        title="A compute was upgraded",
        what_to_expect="Refused: compute-2 runs another nova-compute than it did.",
        end=End.REFUSED,
        says=("compute-upgraded is CROSSED", "compute-2: upgraded: /nova-compute"),
        prepare=happens.upgrade_compute,
    ),
    Scenario(
        name="D10",
        title="RabbitMQ was upgraded too, and its feature flags enabled",
        what_to_expect="It is made anew: the old version reads nothing of what the new one wrote.",
        end=End.SUCCEEDED,
        prepare=upgrade.move_rabbit,
        also=evidence_kept,
    ),
    Scenario(
        name="D11",
        title="Galera is down, each member at another position",
        what_to_expect="It begins at the newest, 1003 before 999, and what only that one had is in the evidence.",
        end=End.SUCCEEDED,
        prepare=happens.all_members_down,
        also=evidence_has_the_newest,
    ),
    Scenario(
        name="D12",
        title="Galera has two histories, and people go back to where they were",
        what_to_expect="Ocata's services are started again, the door is opened, the upgrade is no longer held.",
        end=End.UNWOUND,
        prepare=happens.two_histories,
        answers=(Answer(to="the histories differ", word="abort", reason="a DBA has to look first"),),
    ),
    Scenario(
        name="D13",
        title="The upgrade is committed between the last approval and the claim",
        what_to_expect="Everybody agreed, then somebody committed: refused, nothing runs.",
        end=End.REFUSED,
        says=("upgrade-committed is CROSSED",),
        at={BEFORE_CLAIM: happens.commit_it},
    ),
    Scenario(
        name="D14",
        title="Somebody tries to commit while it is being taken back",
        what_to_expect="Their playbook refuses: the upgrade is held. The rollback goes on.",
        end=End.SUCCEEDED,
        at={during("evidence"): happens.commit_in_vain, before("start-services"): happens.commit_in_vain},
        also=evidence_kept,
    ),
)
