"""Points of no return: crossed beats all, silence is never a yes."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conditions import Condition
from core.ledger import Checkpoint
from core.pnr import Evidence, Finding, Findings, Question, Verdict, evaluate, join, read
from tests.core.making import T0, findings, later

R, U, C = Verdict.REVERSIBLE, Verdict.UNKNOWN, Verdict.CROSSED
VERDICTS = st.sampled_from(Verdict)
NOW = later(0)
POINTS = {"p": ("done-it",), "q": ()}
QUESTIONS = [Question(point=point, probe=0, host=host, ttl_s=60) for point in POINTS for host in ("h1", "h2")]


def answer(  # noqa: PLR0917 (the first two are what the stories are about)
    verdict: Verdict = R, host: str = "h1", point: str = "p", age_s: float = 1, found: str = "so", probe: int = 0
) -> Evidence:
    return Evidence(
        point=point, probe=probe, host=host, verdict=verdict, found=found, at=NOW - timedelta(seconds=age_s)
    )


ALL_GOOD = [answer(host=q.host, point=q.point) for q in QUESTIONS]


def verdicts(evidence: list[Evidence], checkpoints: list[Checkpoint] | None = None) -> dict[str, Verdict]:
    found = evaluate(POINTS, QUESTIONS, checkpoints or [], evidence, NOW)
    return {finding.point: finding.verdict for finding in found.points}


# -- the lattice -------------------------------------------------------------------------------------------------


@given(st.lists(VERDICTS, min_size=1))
def test_the_join_is_the_worst(some: list[Verdict]) -> None:
    assert join(some) is (C if C in some else U if U in some else R)


@given(VERDICTS, VERDICTS, VERDICTS)
def test_the_join_is_commutative_associative_and_idempotent(a: Verdict, b: Verdict, c: Verdict) -> None:
    assert join([a, b]) is join([b, a])
    assert join([a, join([b, c])]) is join([join([a, b]), c])
    assert join([a, a]) is a
    assert join([a, C]) is C
    assert join([a, R]) is a


def test_of_nothing_nothing_is_known() -> None:
    assert join([]) is U
    assert Findings(at=T0, points=()).verdict is U


# -- one answer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exit_code", "stdout", "verdict"),
    [(0, "no", R), (0, "yes", C), (0, "maybe", U), (0, "", U), (1, "no", U), (1, "yes", C), (255, "", U)],
)
def test_an_answer_is_read(exit_code: int, stdout: str, verdict: Verdict) -> None:
    assert read(Condition(exit=(0,), equals="no"), Condition(matches="^yes"), exit_code, stdout) is verdict


@given(st.integers(0, 255), st.text())
def test_an_answer_that_fits_both_is_a_crossing(exit_code: int, stdout: str) -> None:
    always = Condition(exit=tuple(range(256)))

    assert read(always, always, exit_code, stdout) is C


# -- all answers together ----------------------------------------------------------------------------------------


def test_reversible_when_every_host_said_so_just_now() -> None:
    assert verdicts(ALL_GOOD) == {"p": R, "q": R}


def test_one_host_that_says_crossed_is_enough() -> None:
    assert verdicts([*ALL_GOOD, answer(C, "h2")]) == {"p": C, "q": R}


@pytest.mark.parametrize(
    "replacement",
    [
        [],  # never asked, or unreachable
        [answer(U, "h2")],
        [answer(R, "h2", age_s=61)],
        [answer(R, "h2", age_s=-6)],  # from the future
        [answer(R, "h2", probe=1)],  # the answer to another question
        [answer(R, "h3")],  # of another host
    ],
)
def test_what_is_missing_old_or_beside_the_question_is_unknown(replacement: list[Evidence]) -> None:
    rest = [e for e in ALL_GOOD if (e.point, e.host) != ("p", "h2")]

    assert verdicts([*rest, *replacement]) == {"p": U, "q": R}


@pytest.mark.parametrize("age_s", [60, 0, -5])
def test_an_answer_holds_as_long_as_it_may(age_s: float) -> None:
    rest = [e for e in ALL_GOOD if (e.point, e.host) != ("p", "h2")]

    assert verdicts([*rest, answer(R, "h2", age_s=age_s)]) == {"p": R, "q": R}


def test_a_recorded_checkpoint_means_crossed_whatever_the_hosts_say() -> None:
    recorded = Checkpoint(name="done-it", at=later(-9999), by="ana", evidence="job 7")
    found = evaluate(POINTS, QUESTIONS, [recorded], ALL_GOOD, NOW).points[0]

    assert found.verdict is C
    assert found.reasons[0].where == "ledger"
    assert found.reasons[0].found == "checkpoint 'done-it' recorded by ana: job 7"


def test_another_checkpoint_means_nothing() -> None:
    assert verdicts(ALL_GOOD, [Checkpoint(name="other", at=T0, by="ana")]) == {"p": R, "q": R}


@pytest.mark.parametrize("age_s", [61, 86_400, -3600])
def test_a_crossing_never_grows_old(age_s: float) -> None:
    assert verdicts([*ALL_GOOD, answer(C, "h2", age_s=age_s)])["p"] is C


def test_a_crossing_seen_where_nobody_looks_any_more_counts() -> None:
    """The host left the target meanwhile; what happened on it happened."""
    assert verdicts([*ALL_GOOD, answer(C, "gone")])["p"] is C


def test_the_newest_answer_counts_unless_one_is_a_crossing() -> None:
    rest = [e for e in ALL_GOOD if (e.point, e.host) != ("p", "h2")]

    assert verdicts([*rest, answer(R, "h2", age_s=9), answer(U, "h2", age_s=1)])["p"] is U
    assert verdicts([*rest, answer(U, "h2", age_s=9), answer(R, "h2", age_s=1)])["p"] is R
    assert verdicts([*rest, answer(C, "h2", age_s=9), answer(R, "h2", age_s=1)])["p"] is C


def test_a_point_nobody_asks_about_is_unknown() -> None:
    assert evaluate({"z": ()}, QUESTIONS, [], ALL_GOOD, NOW).points[0].verdict is U
    assert evaluate({}, [], [], [], NOW).verdict is U


EVIDENCE = st.lists(
    st.builds(
        answer,
        verdict=VERDICTS,
        host=st.sampled_from(["h1", "h2", "h3"]),
        point=st.sampled_from(["p", "q"]),
        age_s=st.sampled_from([-10, -1, 0, 1, 30, 59, 61, 900]),
        found=st.sampled_from(["a", "b"]),
        probe=st.sampled_from([0, 0, 1]),
    ),
    max_size=12,
)
CHECKPOINTS = st.lists(
    st.builds(Checkpoint, name=st.sampled_from(["done-it", "other"]), at=st.just(T0), by=st.just("x")), max_size=2
)


@given(EVIDENCE, EVIDENCE, CHECKPOINTS, CHECKPOINTS)
def test_nothing_that_is_added_takes_a_crossing_back(
    evidence: list[Evidence], more: list[Evidence], recorded: list[Checkpoint], later_: list[Checkpoint]
) -> None:
    before = verdicts(evidence, recorded)
    after = verdicts(evidence + more, recorded + later_)

    assert all(after[point] is C for point, verdict in before.items() if verdict is C)


@given(EVIDENCE, CHECKPOINTS, st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(
    evidence: list[Evidence], recorded: list[Checkpoint], random: Random
) -> None:
    mixed = list(evidence)
    random.shuffle(mixed)

    assert verdicts(mixed, recorded) == verdicts(evidence, recorded)


@given(EVIDENCE, CHECKPOINTS)
def test_reversible_only_with_a_fresh_yes_for_every_question(
    evidence: list[Evidence], recorded: list[Checkpoint]
) -> None:
    for point, verdict in verdicts(evidence, recorded).items():
        fresh = {
            (e.host, e.probe)
            for e in evidence
            if e.point == point and e.verdict is R and T0 - e.at <= timedelta(seconds=60)
        }
        if verdict is R:
            assert {("h1", 0), ("h2", 0)} <= fresh
            assert not any(e.verdict is C for e in evidence if e.point == point)
            assert not any(c.name in POINTS[point] for c in recorded)


# -- what blocks -------------------------------------------------------------------------------------------------


def test_a_named_unknown_may_be_accepted_and_a_crossing_never() -> None:
    accepted = {"converted": "the host is in the shop"}

    assert findings(U).blocking({}) == findings(U).points
    assert findings(U).blocking(accepted) == ()
    assert findings(U).blocking({"other": "words"}) == findings(U).points
    assert findings(C).blocking(accepted) == findings(C).points
    assert findings(R).blocking({}) == ()


def test_no_points_at_all_block() -> None:
    blocked = Findings(at=T0, points=()).blocking({"(none)": "never mind"})

    assert [f.verdict for f in blocked] == [U]


def test_what_people_agree_to_is_the_verdicts_not_the_moment() -> None:
    assert findings(R, later(0)).digest == findings(R, later(99)).digest
    assert findings(R).digest != findings(U).digest
    assert findings(R).digest != findings(R, point="other").digest


def test_worst_reasons_come_first() -> None:
    found: Finding = evaluate(POINTS, QUESTIONS, [], [answer(R, "h1"), answer(C, "h2")], NOW).points[0]

    assert [reason.where for reason in found.reasons] == ["h2", "h1"]


def test_each_item_has_an_answer_of_its_own() -> None:
    """One cluster that crossed is not hidden by its neighbour on the same host, nor does one answer for the other."""
    questions = [Question(point="p", probe=0, host="h1", item=item, ttl_s=60) for item in ("a", "b", "c")]
    said = {"a": Verdict.REVERSIBLE, "b": Verdict.CROSSED}
    answers = [
        Evidence(point="p", probe=0, host="h1", item=item, verdict=verdict, found="f", at=T0)
        for item, verdict in said.items()
    ]

    (finding,) = evaluate({"p": ()}, questions, (), answers, T0).points

    assert [(r.where, r.verdict) for r in finding.reasons] == [
        ("h1[b]", Verdict.CROSSED),
        ("h1[c]", Verdict.UNKNOWN),
        ("h1[a]", Verdict.REVERSIBLE),
    ]


def test_an_item_nobody_asked_about_that_crossed_counts() -> None:
    answer = Evidence(point="p", probe=0, host="h1", item="gone", verdict=Verdict.CROSSED, found="f", at=T0)
    asked = [Question(point="p", probe=0, host="h1", item="a", ttl_s=60)]

    (finding,) = evaluate({"p": ()}, asked, (), [answer], T0).points

    assert (finding.verdict, finding.reasons[0].where) == (Verdict.CROSSED, "h1[gone]")
