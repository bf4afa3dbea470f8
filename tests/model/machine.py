"""The rules: everything that people, networks, machines and time do to the bot, in any order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.bot.world import HOSTS
from tests.model.chat import CHECK, NO_ENTRY
from tests.model.people import OPERATORS, OWNER, REQUESTERS, USERS
from tests.model.steering import STEER, bring_to_an_end, steer
from tests.model.world import ALL, REPLICAS, World

replicas = st.integers(0, REPLICAS - 1)
places = st.integers(0, 5)
#: How far a replica goes before something else happens: mostly to the end of what it can do.
points = st.sampled_from([ALL, ALL, 0, 1, 2, 3, 5, 8, 13, 21])
AGREEING = ("U-bo", "U-cy", "U-ana2")
NAYS = ("take away", "take away", "take away", "veto", "veto by button", "withdraw")
FATES = ("fails", "dies")
#: "before", "late", "after": what happens to the next call to a host.
TROUBLES = ("unplug", "slow", "late call", "chat away", *FATES, "before", "late", "late", "after")
#: Last words of the journals at which it matters whether somebody goes past the point of no return.
WORTH_CROSSING = ("approved", "probed", "claimed", "done", "resumed", "acted", "asked", "paused")
START = 'start prod --to newton --reason "wrong answers" --confirm prod'


class Asking(RuleBasedStateMachine):
    """The part of the model in which people ask, agree and doubt; small enough to be searched quickly."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize()
    def begin(self) -> None:
        self.ask("U-ana", 0, ALL)

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

    @rule(user=st.sampled_from(REQUESTERS), to=replicas, far=points)
    def ask_and_agree(self, user: str, to: int, far: int) -> None:
        """What happens most: somebody asks and two others agree."""
        self.ask(user, to, ALL)
        others = [other for other in AGREEING if OWNER[other] != OWNER[user]]
        self.agree(others[0], "reaction", to, ALL)
        self.agree(others[1], "button", to, far)

    @rule(
        user=st.sampled_from((*USERS, *AGREEING)),
        way=st.sampled_from(["reaction", "button", "command"]),
        to=replicas,
        far=points,
    )
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

    @rule(user=st.sampled_from(USERS), way=st.sampled_from(NAYS), which=places, to=replicas, far=points)
    def doubt(self, user: str, way: str, which: int, to: int, far: int) -> None:
        """Take a reaction away again, and the event of it may take its time; veto, withdraw."""
        chat, before = self.world.chat, len(self.world.chat.on_their_way)
        match way:
            case "take away":
                chat.take_back(self.run_id, which)
            case "veto":
                chat.react(user, self.run_id, NO_ENTRY)
            case "veto by button":
                chat.click(user, self.run_id, "veto", self.value())
            case _:
                chat.command(user, f"withdraw {self.run_id}")
        if len(chat.on_their_way) > before and (way != "take away" or which % 2):
            self.world.deliver(to, which=-1, points=far)

    @rule(how=st.sampled_from(["", "", "", "recorded", "live"]))
    @precondition(lambda self: self.world.eye.lines and self.world.eye.lines[-1].kind in WORTH_CROSSING)
    def cross(self, how: str) -> None:
        """Somebody goes past the point of no return. It ends much, so it happens seldom."""
        if how == "recorded":
            self.world.chat.command("U-cy", "mark prod compute-upgraded --evidence 'job 17'")
            self.world.deliver(0, which=-1)
        elif how:
            self.world.hosts.cross()

    # -- the network -------------------------------------------------------------------------------------------

    @rule(to=replicas, which=places, far=points, how=st.sampled_from(["comes", "comes", "comes again", "is lost"]))
    @precondition(lambda self: self.world.chat.on_their_way or self.world.chat.delivered)
    def deliver(self, to: int, which: int, far: int, how: str) -> None:
        if how == "is lost":
            self.world.chat.take(which)
        else:
            self.world.deliver(to, which=which, points=far, again=how == "comes again")

    @rule(which=replicas, far=points, order=places)
    def go_on(self, which: int, far: int, order: int) -> None:
        self.world.replicas[which].go_on(far, order)
        self.world.place_boards()

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


class Model(Asking):
    """The whole."""

    @initialize(how=st.sampled_from(["nothing", "asked", "agreed", "agreed", "slow", "slow"]), far=points)
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

    @rule(user=st.sampled_from(OPERATORS), verb=st.sampled_from(STEER), to=replicas, far=points)
    @precondition(lambda self: self.world.under_way())
    def steer(self, user: str, verb: str, to: int, far: int) -> None:
        if verb in ("freeze", "thaw"):
            self.world.freeze(to, on=verb == "freeze")
        else:
            steer(self.world, user, verb, to, far)

    # -- replicas ----------------------------------------------------------------------------------------------

    @rule()
    def carry_on(self) -> None:
        """Nothing happens for a while, so that everybody does what there is to do."""
        for replica in self.world.replicas:
            replica.go_on(ALL)
        self.world.place_boards()

    @rule(which=st.sampled_from([*range(REPLICAS), None, None, None]))
    def kill(self, which: int | None) -> None:
        if which is not None:
            self.world.kill(which)

    @rule(by=replicas, far=points)
    @precondition(lambda self: self.world.under_way())
    def take_over(self, by: int, far: int) -> None:
        self.world.take_over(by, points=far)

    @rule(by=replicas, far=points)
    def sweep(self, by: int, far: int) -> None:
        self.world.sweep(by, points=far)

    # -- hosts and time ----------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 5, 40, 130, 1_900]))
    def wait(self, seconds: int) -> None:
        self.world.loop.go_on(seconds)

    @rule(what=st.sampled_from(TROUBLES), host=st.sampled_from(HOSTS), which=places)
    def trouble(self, what: str, host: str, which: int) -> None:
        hosts = self.world.hosts
        match what:
            case "unplug":
                hosts.unreachable = set() if hosts.unreachable else {host}
            case "slow":
                hosts.slow = not hosts.slow
            case "late call":
                hosts.deliver_late()
            case "chat away":
                self.world.chat.away = not self.world.chat.away
            case fate if fate in FATES:
                hosts.fates.append(fate)
            case drop:
                hosts.drops.append(drop)

    @rule(which=places)
    @precondition(lambda self: self.world.hosts.running())
    def finish(self, which: int) -> None:
        self.world.hosts.finish(which)
