"""The rules: everything that people, networks, machines and time do to the bot, in any order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.bot.world import HOSTS
from tests.model.chat import CHECK, NO_ENTRY
from tests.model.people import OPERATORS, REQUESTERS, USERS
from tests.model.steering import STEER, bring_to_an_end, steer
from tests.model.world import ALL, World

REPLICAS = 3
replicas = st.integers(0, REPLICAS - 1)
places = st.integers(0, 5)
#: How far a replica goes before something else happens: mostly to the end of what it can do.
points = st.sampled_from([ALL, ALL, 0, 1, 2, 3, 5, 8, 13, 21])
START = 'start prod --to newton --reason "wrong answers" --confirm prod'


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(REPLICAS)

    @initialize(how=st.sampled_from(["nothing", "asked", "agreed", "slow"]), far=points)
    def begin(self, how: str, far: int) -> None:
        """Most histories begin where something is at stake."""
        if how == "nothing":
            return
        self.world.hosts.slow = how == "slow"
        self.ask("U-ana", 0, ALL)
        if how == "asked":
            return
        self.agree("U-bo", "reaction", 0, ALL)
        self.agree("U-cy", "reaction", 0, far)

    # -- people ------------------------------------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """What people talk about: the newest run."""
        runs = self.world.open() or list(self.world.eye.runs)
        return runs[-1] if runs else "R-1"

    def value(self) -> str:
        found = self.world.eye.ask("SELECT digest FROM run WHERE id = ?", self.run_id)
        return f"{self.run_id}:{found[0][0][:8]}" if found else f"{self.run_id}:none"

    @rule(user=st.sampled_from(REQUESTERS), to=replicas, far=points)
    def ask(self, user: str, to: int, far: int) -> None:
        self.world.chat.command(user, START)
        self.world.deliver(to, which=-1, points=far)

    @rule(user=st.sampled_from(USERS), way=st.sampled_from(["reaction", "button", "command"]), to=replicas, far=points)
    def agree(self, user: str, way: str, to: int, far: int) -> None:
        before = len(self.world.chat.on_their_way)
        match way:
            case "reaction":
                self.world.chat.react(user, self.run_id, CHECK)
            case "button":
                self.world.chat.click(user, self.run_id, "approve", self.value())
            case _:
                self.world.chat.command(user, f"approve {self.run_id}")
        if len(self.world.chat.on_their_way) > before:
            self.world.deliver(to, which=-1, points=far)

    @rule(user=st.sampled_from(USERS), to=replicas, far=points)
    def doubt(self, user: str, to: int, far: int) -> None:
        """Take the reaction away again; what came by another way stays."""
        before = len(self.world.chat.on_their_way)
        self.world.chat.react(user, self.run_id, CHECK, take_away=True)
        if len(self.world.chat.on_their_way) > before:
            self.world.deliver(to, which=-1, points=far)

    @rule(user=st.sampled_from(USERS), way=st.sampled_from(["reaction", "button", "withdraw"]), to=replicas, far=points)
    def say_no(self, user: str, way: str, to: int, far: int) -> None:
        match way:
            case "reaction":
                self.world.chat.react(user, self.run_id, NO_ENTRY)
            case "button":
                self.world.chat.click(user, self.run_id, "veto", self.value())
            case _:
                self.world.chat.command(user, f"withdraw {self.run_id}")
        self.world.deliver(to, which=-1, points=far)

    @rule(user=st.sampled_from(OPERATORS), verb=st.sampled_from(STEER), to=replicas, far=points)
    @precondition(lambda self: self.world.under_way())
    def steer(self, user: str, verb: str, to: int, far: int) -> None:
        if verb in ("freeze", "thaw"):
            self.world.freeze(to, on=verb == "freeze")
        else:
            steer(self.world, user, verb, to, far)

    @rule(sure=st.integers(0, 3), recorded=st.booleans())
    def cross(self, sure: int, *, recorded: bool) -> None:
        """Somebody goes past the point of no return. It ends much, so it happens seldom."""
        if sure:
            return
        if recorded:
            self.world.chat.command("U-cy", "mark prod compute-upgraded --evidence 'job 17'")
            self.world.deliver(0, which=-1)
        else:
            self.world.hosts.cross()

    # -- the network -------------------------------------------------------------------------------------------

    @rule(to=replicas, which=places, far=points, again=st.booleans())
    @precondition(lambda self: self.world.chat.on_their_way)
    def deliver(self, to: int, which: int, far: int, *, again: bool) -> None:
        self.world.deliver(to, which=which, points=far, again=again)

    @rule(which=places)
    @precondition(lambda self: self.world.chat.on_their_way)
    def lose(self, which: int) -> None:
        self.world.chat.take(which)

    # -- replicas ----------------------------------------------------------------------------------------------

    @rule(which=replicas, far=points, order=places)
    def go_on(self, which: int, far: int, order: int) -> None:
        self.world.replicas[which].go_on(far, order)
        self.world.place_boards()

    @rule(which=replicas)
    def kill(self, which: int) -> None:
        self.world.kill(which)

    @rule(by=replicas, far=points)
    @precondition(lambda self: self.world.under_way())
    def take_over(self, by: int, far: int) -> None:
        self.world.take_over(by, points=far)

    @rule(by=replicas, far=points)
    def sweep(self, by: int, far: int) -> None:
        self.world.sweep(by, points=far)

    @rule(away=st.booleans())
    def chat_away(self, *, away: bool) -> None:
        self.world.chat.away = away

    # -- hosts and time ----------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 5, 40, 130, 1_900]))
    def wait(self, seconds: int) -> None:
        self.world.loop.go_on(seconds)

    @rule(host=st.sampled_from(HOSTS))
    def unplug(self, host: str) -> None:
        self.world.hosts.unreachable ^= {host}

    @rule(slow=st.booleans(), which=places)
    def finish(self, which: int, *, slow: bool) -> None:
        self.world.hosts.slow = slow
        self.world.hosts.finish(which)

    @rule(fate=st.sampled_from(["fails", "dies"]))
    def break_next(self, fate: str) -> None:
        self.world.hosts.fates.append(fate)

    @rule(drop=st.sampled_from(["before", "late", "after"]))
    def drop_next(self, drop: str) -> None:
        self.world.hosts.drops.append(drop)

    @rule()
    @precondition(lambda self: self.world.hosts.late)
    def deliver_late(self) -> None:
        self.world.hosts.deliver_late()

    @invariant()
    def holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            if not self.world.violations:
                bring_to_an_end(self.world)
                self.world.check()
        finally:
            self.world.close()
