"""Names of orders and signals survive being written down and typed again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.records import SUBS
from interlock.research.ids import order_names, signal_names
from interlock.runtime.ids import Id, IdError, order_name, read_id, signal_name


@given(st.integers(0, 2**50 - 1), st.integers(1, SUBS - 1))
def test_an_order_is_found_by_its_name(seq: int, sub: int) -> None:
    name = order_name(seq * SUBS + sub)

    assert read_id(name) == Id(kind="order", seq=seq, sub=sub)
    assert read_id(name.lower()).order_id == seq * SUBS + sub


@given(st.integers(0, 2**50 - 1))
def test_a_signal_is_found_by_its_name(seq: int) -> None:
    assert read_id(signal_name(seq)) == Id(kind="signal", seq=seq)


@given(st.lists(st.integers(0, 2**50 - 1)))
def test_many_names_are_the_same_as_one_by_one(seqs: list[int]) -> None:
    numbers = np.array(seqs, dtype=np.int64)

    assert signal_names("s", numbers).to_list() == [signal_name(seq) for seq in seqs]
    ids = numbers * SUBS + 7
    assert order_names("o", ids).to_list() == [order_name(one) for one in ids.tolist()]


def test_letters_that_look_like_digits_are_read_as_those() -> None:
    assert read_id("o-1OIL-1") == read_id("o-1011-1")


@pytest.mark.parametrize(
    "text",
    [
        *("", "o", "o-", "o-1", "s-", "s-1-1", "x-1-1", "o-1-0", "o-U-1", "o-1-1-1", "s--1"),
        *("o-1-40000", "s-" + "Z" * 30, "0-1-1", "s-ü"),
    ],
)
def test_what_is_no_id_is_said_to_be_none(text: str) -> None:
    with pytest.raises(IdError, match="an id must be an order such as o-1C7-2"):
        read_id(text)
