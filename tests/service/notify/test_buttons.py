"""A button works once, for whoever is first, and not for ever."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.notify.telegram_buttons import ACKNOWLEDGE, APPROVE, DENY, Buttons, Pressed
from tests.service.notify.rig import Rig, rig

CALLERS = 20


@pytest.fixture
def made() -> Iterator[Rig]:
    """Yield a rig."""
    with rig() as one:
        yield one


def test_of_many_who_tap_at_once_one_is_heard(made: Rig) -> None:
    buttons = Buttons(made.database, ManualClock(NS_PER_S))
    names = [
        buttons.add(action, "a-1", bound_to="h", expires_ns=10 * NS_PER_S)
        for action in (APPROVE, DENY)
    ]
    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(buttons.press, names * (CALLERS // 2)))
    assert sum(isinstance(one, Pressed) for one in found) == 1
    assert {one for one in found if isinstance(one, str)} == {"this was answered already"}


def test_of_many_who_bring_an_update_one_is_new(made: Rig) -> None:
    buttons = Buttons(made.database, ManualClock(NS_PER_S))
    with ThreadPoolExecutor(CALLERS) as pool:
        assert sum(pool.map(buttons.is_new, [7] * CALLERS)) == 1


def test_a_button_ends_and_names_nothing(made: Rig) -> None:
    clock = ManualClock(NS_PER_S)
    buttons = Buttons(made.database, clock)
    name = buttons.add(APPROVE, "a-1", bound_to="h", expires_ns=2 * NS_PER_S)
    assert "a-1" not in name
    assert len(name) >= 16
    assert buttons.look(name) == Pressed(action=APPROVE, target="a-1", hash="h")
    clock.advance(NS_PER_S)
    assert buttons.press(name) == buttons.look(name) == "this has expired"
    assert buttons.press("x") == "this button is not known"


def test_a_button_comes_back_when_nobody_was_asked(made: Rig) -> None:
    buttons = Buttons(made.database, ManualClock(NS_PER_S))
    name = buttons.add(APPROVE, "a-1", bound_to="h", expires_ns=2 * NS_PER_S)
    other = buttons.add(ACKNOWLEDGE, "1")
    assert isinstance(buttons.press(other), Pressed)
    pressed = buttons.press(name)
    assert isinstance(pressed, Pressed)
    buttons.release(pressed)
    assert buttons.press(name) == pressed
    assert buttons.press(other) == "this was answered already"
