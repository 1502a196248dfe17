"""Whether an engine is well: progress, and not liveness; and what is no hang."""

from dataclasses import replace

import pytest

from interlock.config.progress_file import EngineState, Progress
from interlock.ops.judging import NS_PER_S, Health, Judge, Judgement, Rules, Sample

RULES = Rules(hang_ns=4 * NS_PER_S, slow_disk_ns=60 * NS_PER_S, down_ns=10 * NS_PER_S)
LOOK_NS = NS_PER_S // 4
BEGUN = Progress(
    pid=7,
    began=70,
    state=EngineState.RUNNING,
    ticks=0,
    arrivals=0,
    waiting=0,
    decided_seq=10,
    durable_seq=10,
    busy_ns=0,
    commits=0,
    pulse_ns=1,
)
MOVING = ("ticks", "arrivals", "decided_seq", "durable_seq", "commits", "pulse_ns")


class Engine:
    """An engine that moves on but for what the test stops."""

    def __init__(self) -> None:
        self.now_ns = 100 * NS_PER_S
        self.progress: Progress | None = BEGUN
        self.is_alive = True
        self.judge = Judge(RULES)
        self.last: Judgement | None = None

    def runs(self, seconds: float, *stopped: str, **changed: int) -> Health:
        """Let time pass: everything moves but what is stopped. Return how it is judged then."""
        for _ in range(int(seconds * NS_PER_S) // LOOK_NS):
            self.now_ns += LOOK_NS
            if self.progress is not None and "all" not in stopped:
                moved = {
                    name: getattr(self.progress, name) + 1 for name in MOVING if name not in stopped
                }
                self.progress = replace(self.progress, **moved, **changed)  # type: ignore[arg-type]
            self.last = self.judge.judge(
                Sample(now_ns=self.now_ns, progress=self.progress, is_alive=self.is_alive)
            )
        assert self.last is not None
        return self.last.health


@pytest.mark.parametrize(
    ("stopped", "changed", "health"),
    [
        ((), {}, Health.WELL),
        (("arrivals", "decided_seq", "durable_seq", "commits"), {}, Health.QUIET),
        (("all",), {}, Health.HUNG),
        (("ticks", "arrivals", "decided_seq", "durable_seq", "commits"), {}, Health.HUNG),
        (("decided_seq", "durable_seq", "commits"), {"waiting": 3}, Health.HUNG),
        (("durable_seq", "commits"), {}, Health.HUNG),
        (("decided_seq", "durable_seq", "commits"), {"waiting": 0}, Health.WELL),
    ],
)
def test_what_does_not_move_says_what_is_wrong(
    stopped: tuple[str, ...], changed: dict[str, int], health: Health
) -> None:
    """The process, its loop, decisions while messages wait, writing while nobody writes."""
    engine = Engine()
    assert engine.runs(10) is Health.WELL
    assert engine.runs(5, *stopped, **changed) is health


def test_a_hang_is_seen_within_five_seconds_and_not_before_four() -> None:
    engine = Engine()
    engine.runs(10)
    assert engine.runs(3.75, "all") is Health.WELL
    assert engine.runs(1.0, "all") is Health.HUNG
    assert engine.last is not None
    assert engine.last.why.startswith("its process does not run: for 4.")


def test_a_slow_disk_is_no_hang_until_one_commit_takes_a_minute() -> None:
    engine = Engine()
    engine.runs(10)
    busy_ns = engine.now_ns
    still = ("durable_seq", "commits")
    assert engine.runs(2, *still, busy_ns=busy_ns) is Health.WELL
    assert engine.runs(28, *still, busy_ns=busy_ns) is Health.SLOW_DISK
    assert engine.runs(31, *still, busy_ns=busy_ns) is Health.HUNG


def test_a_loop_that_waits_for_a_slow_disk_is_no_hang() -> None:
    """The journal takes nothing more: the loop stands still with it."""
    engine = Engine()
    engine.runs(10)
    still = ("ticks", "arrivals", "decided_seq", "durable_seq", "commits")
    assert engine.runs(20, *still, busy_ns=engine.now_ns) is Health.SLOW_DISK


def test_a_loop_that_waits_for_one_slow_commit_after_another_is_no_hang() -> None:
    """Each has just begun when it is looked at."""
    engine = Engine()
    engine.runs(10)
    for _ in range(8):
        engine.runs(2.5, "ticks", "decided_seq", "durable_seq", "commits", busy_ns=engine.now_ns)
        engine.runs(0.25, "ticks", "decided_seq", "durable_seq", busy_ns=engine.now_ns)
    assert engine.last is not None
    assert engine.last.health is Health.SLOW_DISK


def test_a_process_frozen_in_the_middle_of_a_commit_has_hung() -> None:
    engine = Engine()
    engine.runs(10, busy_ns=engine.now_ns)
    assert engine.runs(4.5, "all") is Health.HUNG


def test_a_process_that_is_gone_may_be_started_again_for_ten_seconds() -> None:
    engine = Engine()
    engine.runs(10)
    engine.is_alive = False
    assert engine.runs(9.5, "all") is Health.DOWN
    assert engine.runs(1, "all") is Health.DEAD


def test_one_that_was_started_again_is_another_one() -> None:
    engine = Engine()
    engine.runs(10)
    engine.is_alive = False
    engine.runs(8, "all")
    engine.is_alive = True
    engine.progress = replace(BEGUN, began=71, state=EngineState.STARTING)
    assert engine.runs(8, "ticks") is Health.STARTING
    engine.progress = replace(engine.progress, state=EngineState.RUNNING)
    assert engine.runs(3) is Health.WELL
    engine.is_alive = False
    assert engine.runs(8, "all") is Health.DOWN


def test_one_that_is_started_again_and_again_in_vain_is_dead() -> None:
    """Never gone for long, and never anywhere."""
    engine = Engine()
    engine.runs(10)
    for death in range(1, 5):
        engine.is_alive = False
        assert engine.runs(1, "all") is (Health.DEAD if death == 4 else Health.DOWN)
        engine.is_alive = True
        engine.progress = replace(BEGUN, began=70 + death, state=EngineState.STARTING)
        assert engine.runs(3) is Health.STARTING
    assert engine.progress is not None
    engine.progress = replace(engine.progress, state=EngineState.RUNNING)
    engine.runs(3)
    engine.is_alive = False
    assert engine.runs(1, "all") is Health.DOWN


def test_one_that_stopped_is_missed_by_nobody() -> None:
    engine = Engine()
    engine.runs(10)
    assert engine.progress is not None
    engine.progress = replace(engine.progress, state=EngineState.STOPPED)
    engine.is_alive = False
    assert engine.runs(100, "all") is Health.STOPPED


def test_no_engine_at_all_is_nothing_to_act_on() -> None:
    engine = Engine()
    engine.progress = None
    engine.is_alive = False
    assert engine.runs(100) is Health.NONE


def test_starting_may_take_long_but_not_frozen() -> None:
    engine = Engine()
    engine.progress = replace(BEGUN, state=EngineState.STARTING)
    assert engine.runs(59, "all") is Health.STARTING
    assert engine.runs(2, "all") is Health.HUNG


def test_time_in_which_we_did_not_look_counts_for_nothing() -> None:
    """The machine was asleep, and so was the watchdog."""
    engine = Engine()
    engine.runs(10)
    engine.runs(3, "all")
    engine.now_ns += 3_600 * NS_PER_S
    assert engine.runs(0.5, "all") is Health.WELL
    assert engine.runs(1.0, "all") is Health.HUNG


def test_a_file_that_says_nothing_whole_says_what_it_said_before() -> None:
    """Frozen in the middle of a line, or damaged: nothing moves."""
    engine = Engine()
    engine.runs(10)
    engine.progress = None
    assert engine.runs(4.5) is Health.HUNG
