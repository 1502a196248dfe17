"""Names of orders: what people read, what venues get, and that none comes twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.records import SUBS
from interlock.runtime.ids import (
    IdError,
    base32,
    client_name,
    order_name,
    read_client_name,
    read_id,
    signal_name,
)
from interlock.runtime.names import Names

SEQS = st.integers(1, 2**49)
SUB = st.integers(1, SUBS - 1)
EPOCHS = st.integers(1, 2**40)
NOT_OURS = """
i i-1-2 i-1-2-3-4 i--2-3 o-1-2-3 i-0-2-3 i-1-2-0 i-1-2-400 i-1-2-u i-1-02-3 i-l-2-3
i-1-ZZZZZZZZZZZZ-1 I-1-2-3 x-1-2-3
"""


@given(EPOCHS, SEQS, SUB)
def test_a_name_is_read_back_as_what_it_was_made_of(epoch: int, seq: int, sub: int) -> None:
    """Orders, signals and client names."""
    order = seq * SUBS + sub
    assert read_client_name(client_name(epoch, order)) == (epoch, order)
    assert read_id(order_name(order)).order_id == order
    assert str(read_id(order_name(order).lower())) == order_name(order)
    assert read_id(signal_name(seq)).seq == seq
    assert len(client_name(epoch, order)) <= 31


@pytest.mark.parametrize("text", [*NOT_OURS.split(), "", "i-1-2-3 "])
def test_a_text_that_is_not_exactly_one_of_ours_is_nobodys(text: str) -> None:
    """One order has one name, and only one text is it."""
    assert read_client_name(text) is None


@pytest.mark.parametrize("text", ["", "o-1", "o-1-0", "o-1-400", "s-1-2", "s-", "x-1", "s-U", "o"])
def test_a_text_that_is_no_id_is_refused_by_name(text: str) -> None:
    """It says what would be one."""
    with pytest.raises(IdError, match="an id must be an order such as o-1C7-2"):
        read_id(text)


def test_zero_is_a_number() -> None:
    """Of one digit."""
    assert base32(0) == "0"


def test_an_order_carries_the_epoch_under_which_it_was_decided() -> None:
    """Whatever engine asks about it later."""
    names = Names([(2, 5), (100, 9)])
    assert names.epoch == 9
    old, new = 50 * SUBS + 1, 101 * SUBS + 1
    assert names.client_id(old) == client_name(5, old)
    assert names.client_id(new) == client_name(9, new)
    assert names.order_id(client_name(5, old)) == old
    assert names.order_id(client_name(9, old)) == 0
    assert names.order_id("a person's") == 0
    assert names.starts() == [[2, 5], [100, 9]]


def test_no_order_has_no_name() -> None:
    """Order 0 is none, and nothing names it."""
    names = Names([(2, 5)])
    assert names.client_id(0) == ""
    assert names.order_id("") == 0


@pytest.mark.parametrize("starts", [[(2, 5), (9, 5)], [(2, 5), (9, 4)], [(9, 5), (9, 6)]])
def test_an_epoch_that_does_not_grow_is_a_bug(starts: list[tuple[int, int]]) -> None:
    """Names could come twice."""
    with pytest.raises(AssertionError):
        Names(starts)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 5)), min_size=1, max_size=8))
def test_names_never_repeat_even_after_an_old_journal_was_restored(
    lives: list[tuple[int, int]],
) -> None:
    """Every life begins from any earlier length of the journal, under an epoch never had before."""
    had: set[str] = set()
    history: list[tuple[int, int]] = []
    for epoch, (first, orders) in enumerate(lives, start=1):
        kept = [start for start in history if start[0] < first]
        history = [*kept, (first, epoch)]
        names = Names(history)
        for sub in range(1, orders + 1):
            name = names.client_id((first + 1) * SUBS + sub)
            assert name not in had
            had.add(name)
