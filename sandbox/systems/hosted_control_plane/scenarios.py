"""What can be practised on the fleet."""

from sandbox.systems.hosted_control_plane import names
from sandbox.systems.hosted_control_plane.happenings import (
    away,
    behaves,
    does,
    force_and_forbid,
    frozen,
    one_patch,
    only,
    pin_at_the_owner,
    thawed,
    upgrade_the_workers,
)
from sandbox.systems.hosted_control_plane.upgrade import upgrade_to
from sandbox.systems.scenario import BEFORE_CLAIM, Answer, End, Scenario, before

STOP_FROZEN = Answer(to="put the upgrade policies back", word="skip", reason="4.20.32 is not out yet")
TWO = {"clusters": "cust-01,cust-02"}


SCENARIOS = (
    Scenario(
        name="B1",
        title="4.20.31 back to 4.20.30, nothing stands in the way",
        what_to_expect="Two of three clusters go back, one after the other; the third is not touched.",
        end=End.SUCCEEDED,
        parameters=TWO,
        also=thawed,
    ),
    Scenario(
        name="B1-management",
        title="Only what runs on the management cluster goes back",
        what_to_expect="spec.controlPlaneRelease is set, spec.release stays: the cluster's own version stays too.",
        end=End.SUCCEEDED,
        parameters={"clusters": "cust-01", "scope": "management"},
        answers=(STOP_FROZEN,),
        also=frozen,
    ),
    Scenario(
        name="B2",
        title="4.21 back to 4.20",
        what_to_expect="Refused: the operator does not go back over a minor release, and etcd's data has moved.",
        end=End.REFUSED,
        says=(
            "minor-crossed is CROSSED (bastion-1[cust-01]: crossed: it has been on 4.21.2 and would go to 4.20.30",
            "etcd-moved is CROSSED (bastion-1[cust-01]: crossed: etcd has data of 3.6, it was 3.5",
        ),
        parameters=TWO,
        upgrade=upgrade_to("4.21.2"),
    ),
    Scenario(
        name="B3",
        title="A NodePool has followed to 4.20.31",
        what_to_expect="Refused: a control plane must not be behind its workers, and workers are not rolled here.",
        end=End.REFUSED,
        says=(
            (
                "workers-newer is CROSSED (bastion-1[cust-02]: crossed: NodePool cust-02-workers is on 4.20.31, "
                "the control plane would be on 4.20.30"
            ),
        ),
        parameters=TWO,
        prepare=upgrade_the_workers,
    ),
    Scenario(
        name="B4",
        title="The upgrade was forced, and left its annotation",
        what_to_expect="One patch moves the image and the annotation; afterwards there is none.",
        end=End.SUCCEEDED,
        parameters={"clusters": "cust-01"},
        prepare=force_and_forbid,
        answers=(STOP_FROZEN,),
        also=one_patch,
    ),
    Scenario(
        name="B5",
        title="3 of 40 clusters, and the canary fails",
        what_to_expect="The canary's API server does not come up on the old release: it is taken forward again.",
        end=End.UNWOUND,
        parameters={"clusters": "cust-05,cust-17,cust-33"},
        prepare=behaves(stuck={"cust-05": {"component": "kube-apiserver", "version": names.OLD}}),
        answers=(Answer(to="rollout.w1", word="abort", reason="the canary does not come up"),),
        also=only("cust-05"),
    ),
    Scenario(
        name="B6",
        title="The owner reverts the patch",
        what_to_expect="The rollout ends at once: the service has put the new image back. Somebody takes it all back.",
        end=End.UNWOUND,
        parameters=TWO,
        prepare=behaves(owned={"cust-01": names.image(names.NEW)}),
        answers=(Answer(to="reverted by its owner", word="abort", reason="the service has to be told first"),),
        also=only("cust-01"),
    ),
    Scenario(
        name="B6-pinned",
        title="The owner reverts the patch, and is told",
        what_to_expect="The service is given the old release for that cluster, and the wait is tried again.",
        end=End.SUCCEEDED,
        parameters=TWO,
        prepare=behaves(owned={"cust-01": names.image(names.NEW)}),
        answers=(
            Answer(
                to="reverted by its owner",
                word="retry",
                first=pin_at_the_owner,
                first_says="the service is told to deliver 4.20.30 to cust-01",
            ),
            STOP_FROZEN,
        ),
        also=frozen,
    ),
    Scenario(
        name="B7",
        title="The gold tier of 40 clusters, in waves",
        what_to_expect="A canary, then two, then the rest; somebody types `continue` between them.",
        end=End.SUCCEEDED,
        parameters={"clusters": "label:tier=gold"},
        answers=(STOP_FROZEN,),
        also=frozen,
    ),
    Scenario(
        name="B8",
        title="A cluster vanished between two looks at the list",
        what_to_expect="Refused before anyone is asked: it is not there any more.",
        end=End.REFUSED,
        says=("there is no 'cust-02' among the hosted clusters now",),
        parameters=TWO,
        prepare=does(f"oc delete hostedclusters -n {names.NAMESPACE} cust-02"),
    ),
    Scenario(
        name="B8-late",
        title="A cluster vanished between the last approval and the claim",
        what_to_expect="Refused at the claim: nobody can say whether it may go back.",
        end=End.REFUSED,
        says=("UNKNOWN", "bastion-1[cust-02]: exit 1: Error from server (NotFound): hostedclusters"),
        right=False,
        parameters=TWO,
        at={BEFORE_CLAIM: does(f"oc delete hostedclusters -n {names.NAMESPACE} cust-02")},
    ),
    Scenario(
        name="B9",
        title="The management cluster does not answer",
        what_to_expect="Refused: an outage is not an empty fleet.",
        end=End.REFUSED,
        says=(
            "hosted clusters cannot be discovered on 'bastion-1': exit 1: The connection to the server api.mgmt-east",
        ),
        parameters=TWO,
        prepare=away(names.MANAGEMENT),
    ),
    Scenario(
        name="B9-guest",
        title="A cluster's own API server does not answer",
        what_to_expect="Refused: nobody knows in which versions it stores its objects.",
        end=End.REFUSED,
        says=(
            "stored-versions-moved is UNKNOWN (bastion-1[cust-02]: exit 1: The connection to the server api.cust-02",
        ),
        parameters=TWO,
        prepare=away(names.guest("cust-02")),
    ),
    Scenario(
        name="B10",
        title="Stopped after the canary",
        what_to_expect="The canary stays on the old release, the others are not touched.",
        end=End.SUCCEEDED,
        right=False,
        parameters={"clusters": "all"},
        answers=(Answer(to="wave 2", word="skip", reason="the customer of cust-01 looks first"),),
        also=only("cust-01"),
    ),
    Scenario(
        name="B11",
        title="The operator rolls workers as well",
        what_to_expect="It asks before the next wave: a MachineDeployment is not what it was.",
        end=End.ASKS,
        says=("workers.w1@bastion-1[cust-01]", "< MachineDeployment cust-01-workers: generation 1"),
        right=False,
        parameters=TWO,
        prepare=behaves(moves_workers=["cust-01"]),
    ),
    Scenario(
        name="B12",
        title="A NodePool follows while the run waits between two waves",
        what_to_expect="The second wave does not begin; the first stands or is taken back.",
        end=End.UNWOUND,
        parameters=TWO,
        at={before("patch.w2"): upgrade_the_workers},
        answers=(Answer(to="workers-newer", word="abort"),),
    ),
)
