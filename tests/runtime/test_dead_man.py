"""The dead man's switch at the venue: armed while there is a conversation, taken off at a stop."""

from types import SimpleNamespace
from typing import Any, cast

from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.runtime.dead_man import DeadManSwitch
from interlock.runtime.link import Link, Phase
from interlock.venues.port import Capabilities, DeadMan
from interlock.venues.simulated.asks import ArmDeadMan, read_ask
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.wire import CAPABILITIES, SimulatedCodec

NAMES = ("AAA",)


class Rig:
    """A switch, a clock and a link of which only the phase matters."""

    def __init__(self, timeout_ms: int = 60_000, can: Capabilities = CAPABILITIES) -> None:
        self.clock = ManualClock()
        self.link: Any = SimpleNamespace(phase=Phase.READY, outbox=[])
        codec = SimulatedCodec(NAMES, capabilities=can)
        self.switch = DeadManSwitch(
            cast("Link", self.link), codec, self.clock, timeout_ms=timeout_ms
        )

    def said(self, seconds: float = 0) -> list[int]:
        """Let time pass and return what was said to the venue since."""
        self.clock.advance(int(seconds * NS_PER_S))
        self.switch.tick()
        found = [read_ask(one.wire, Symbols(NAMES)) for one in self.link.outbox]
        self.link.outbox.clear()
        assert all(isinstance(ask, ArmDeadMan) for ask in found)
        return [ask.timeout_ms for ask in found if isinstance(ask, ArmDeadMan)]


def test_it_is_renewed_three_times_in_its_time() -> None:
    rig = Rig()
    assert rig.said() == [60_000]
    assert rig.said(19) == []
    assert rig.said(1) == [60_000]
    assert rig.switch.said() == {"kind": "native", "armed": True, "seconds": 60.0}


def test_it_waits_for_the_greeting_and_begins_anew_on_a_new_connection() -> None:
    rig = Rig()
    rig.link.phase = Phase.GREETING
    assert rig.said(100) == []
    rig.link.phase = Phase.LOOKING
    assert rig.said() == [60_000]
    rig.link.phase = Phase.AWAY
    assert rig.said() == []
    assert not rig.switch.said()["armed"]
    rig.link.phase = Phase.READY
    assert rig.said(1) == [60_000]


def test_a_graceful_stop_takes_it_off_once() -> None:
    rig = Rig()
    rig.said()
    rig.switch.disarm()
    rig.switch.disarm()
    assert rig.link.outbox[0].wire == SimulatedCodec(NAMES).dead_man(timeout_ms=0)
    assert len(rig.link.outbox) == 1


def test_it_is_never_armed_where_it_is_off_or_cannot_be() -> None:
    cannot = Capabilities(native_oco=True, absence_wait_ms=0, absence_answers=1)
    for rig in (Rig(timeout_ms=0), Rig(can=cannot)):
        assert rig.said(100) == []
        rig.switch.disarm()
        assert rig.link.outbox == []
    assert Rig(can=cannot).switch.said()["kind"] == DeadMan.NONE
