"""What is evidence that an order is there, and what is none: found by the fault simulator."""

import pytest

from interlock.kernel.codes import Kind
from interlock.venues.port import Capabilities
from tests.runtime.pair import ANSWER_NS, bought

ANSWER_S = ANSWER_NS / 1_000_000_000
SLOW = Capabilities(native_oco=True, absence_wait_ms=10_000, absence_answers=3)


@pytest.mark.parametrize("kind", ["CANCEL_REJECTED", "AMEND_REJECTED"])
def test_a_refusal_is_no_sign_of_life(kind: str) -> None:
    """Seed 96: each cancel of an order that never arrived was refused, and began its absence anew.

    Nobody could ever say that it was not there, and its symbol opened nothing any more.
    """
    pair, order = bought(capabilities=SLOW)
    pair.pass_time(ANSWER_S)
    for _ in range(3):
        pair.pass_time(4)
        pair.tell(pair.venue.not_found(order))
        pair.tell(pair.venue.report(Kind[kind], order))
    pair.pass_time(2)
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {}


def test_an_acknowledgement_is_one() -> None:
    """Then it is there, whatever a question about it was answered before."""
    pair, order = bought(capabilities=SLOW)
    pair.pass_time(ANSWER_S + 12)
    pair.tell(pair.venue.not_found(order), pair.venue.not_found(order))
    pair.tell(pair.venue.report(Kind.ACCEPTED, order))
    pair.tell(pair.venue.not_found(order))
    assert pair.book.orders() == {order.client_id: "UNKNOWN"}
