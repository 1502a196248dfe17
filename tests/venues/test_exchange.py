"""The exchange without a socket: ids, epochs, and what it keeps in memory."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import BUY, SELL, Flag, Kind, OrderKind
from interlock.kernel.policy import SMALL
from interlock.sim.world import new_venue
from interlock.venues.port import Duplicate, Fenced, Report, Request, VenueState
from interlock.venues.simulated.exchange import Exchange
from interlock.venues.simulated.ledger import MEMORY, Ledger
from interlock.venues.simulated.source import bar_row
from tests.sim.tapes import CASH, bars_of, worlds
from tests.venues.caller import amend, buy, cancel, limit


def exchange_of(ledger: Ledger, latency: tuple[int, int] = (0, 0), share_ppm: int = 0) -> Exchange:
    _, world = worlds("", latency)
    world["instruments"]["participation_ppm"] = share_ppm
    return Exchange(world, new_venue(CASH, SMALL), ledger, instruments=3)


def tell(exchange: Exchange, *requests: Request) -> list[str]:
    """Return what each command was answered, in words."""
    found = []
    for request in requests:
        answer = exchange.handle(request, request.ts_ns)
        if isinstance(answer, list):
            found += [f"{each.client_id} {Kind(int(each.row['kind'])).name}" for each in answer]
        else:
            found.append(type(answer).__name__)
    return found


def test_a_client_id_is_taken_once_ever() -> None:
    exchange = exchange_of(Ledger(MEMORY, "x"))
    assert tell(
        exchange, buy("bad", 0), buy("bad"), limit("a", 50), cancel("a"), limit("a", 50)
    ) == [
        "bad REJECTED",
        "Duplicate",
        "a ACCEPTED",
        "a CANCELLED",
        "Duplicate",
    ]
    assert exchange.handle(limit("a", 60), 0) == Duplicate(client_id="a")


def test_an_older_epoch_changes_nothing_at_all() -> None:
    ledger = Ledger(MEMORY, "x")
    exchange = exchange_of(ledger)
    tell(exchange, limit("a", 50, epoch=4))
    before = exchange.venue.tobytes(), ledger.reports().tobytes()
    for request in (limit("b", 50, epoch=3), cancel("a", epoch=3), amend("a", 7, epoch=1)):
        assert exchange.handle(request, 0) == Fenced(epoch=4)
    assert (exchange.venue.tobytes(), ledger.reports().tobytes()) == before
    assert ledger.find("b") is None
    assert tell(exchange, cancel("a", epoch=9)) == ["a CANCELLED"]
    assert exchange.epoch == 9


def test_a_cancel_of_nothing_is_refused_and_names_what_was_asked() -> None:
    ledger = Ledger(MEMORY, "x")
    exchange = exchange_of(ledger)
    assert tell(exchange, cancel("ghost"), amend("ghost", 5, 5)) == [
        "ghost CANCEL_REJECTED",
        "ghost AMEND_REJECTED",
    ]
    assert ledger.find("ghost") is None
    assert tell(exchange, limit("ghost", 50)) == ["ghost ACCEPTED"]


def test_no_number_of_the_venue_leaves_it() -> None:
    exchange = exchange_of(Ledger(MEMORY, "x"))
    reports = exchange.handle(buy("a", peer_client_id="b"), 0)
    assert isinstance(reports, list)
    row = bar_row(bars_of("0 60 120 50 50 50 50 100")[0])
    row["kind"] = Kind.BAR_OPEN
    reports += exchange.market(row.reshape(1))
    assert [int(each.row["kind"]) for each in reports] == [Kind.ACCEPTED, Kind.FILL]
    for each in reports:
        assert each.row["order_id"] == each.row["peer_id"] == each.row["ext_hi"] == 0
        assert (each.client_id, each.peer_client_id) == ("a", "b")
    assert reports[1].row["ext_lo"] == 1


NAMES = st.sampled_from([f"n{number}" for number in range(12)])
ORDERS = st.builds(
    limit,
    NAMES,
    st.integers(1, 120),
    st.integers(1, 60),
    side=st.sampled_from([BUY, SELL]),
    order_kind=st.sampled_from(list(OrderKind)),
    trigger=st.integers(1, 120),
    flags=st.sampled_from([0, Flag.MARGIN, Flag.MARGIN | Flag.REDUCE_ONLY]),
    peer_client_id=st.one_of(st.just(""), NAMES),
    instrument=st.integers(0, 1),
    ts_ns=st.just(0),
)
ACTIONS = st.one_of(
    ORDERS,
    ORDERS,
    st.builds(cancel, NAMES, ts_ns=st.just(0)),
    st.builds(amend, NAMES, st.integers(-1, 60), st.integers(0, 120), ts_ns=st.just(0)),
    st.integers(40, 80),
)


@given(st.lists(ACTIONS, max_size=40), st.sampled_from([0, 200_000]))
def test_books_and_exchange_never_disagree(actions: list[Request | int], share_ppm: int) -> None:
    """After anything: what rests is open in the books, and only that has a name in memory."""
    ledger = Ledger(MEMORY, "x")
    exchange = exchange_of(ledger, share_ppm=share_ppm)
    told: list[Report] = []
    for action in actions:
        if isinstance(action, int):
            for instrument in range(2):
                row = bar_row(
                    bars_of(f"{instrument} 0 60 {action} {action + 20} {action - 20} {action} 90")[
                        0
                    ]
                ).reshape(1)
                row["src_ts_ns"] = 0
                for kind in (Kind.BAR_OPEN, Kind.BAR_PATH):
                    row["kind"] = kind
                    told += exchange.market(row)
        else:
            answer = exchange.handle(action, 0)
            told += answer if isinstance(answer, list) else []
    table = exchange.venue["orders"][0]
    resting = table[table["order_id"] != 0]
    open_orders = {order.client_id: order for order in ledger.open_orders()}
    assert len(open_orders) == len(resting)
    for order in resting:
        entry = ledger.entry_of(int(order["order_id"]))
        assert entry is not None
        found = open_orders[entry.client_id]
        for name in ("qty", "filled", "price", "trigger", "instrument"):
            assert getattr(found, name) == order[name]
        assert found.state is VenueState.WORKING
    used = set(resting["order_id"].tolist()) | set(resting["peer_id"].tolist())
    assert set(exchange._names) - {0} <= used
    assert len(exchange._numbers) == len(exchange._names) - 1
    fills = [each for each in told if each.row["kind"] == Kind.FILL]
    assert [int(each.row["ext_lo"]) for each in fills] == list(range(1, len(fills) + 1))
    bought = [0, 0]
    for each in fills:
        bought[int(each.row["instrument"])] += int(each.row["side"] * each.row["qty"])
    assert exchange.venue["instruments"]["position"][0, :2].tolist() == bought
    kept = ledger.reports()
    assert kept.tobytes() == b"".join(each.row.tobytes() for each in told)
    again = Exchange(
        exchange._world,
        exchange.venue,
        ledger,
        instruments=3,
        next_number=exchange.next_number,
    )
    assert set(again._names) == {0} | used
    assert all(exchange._names[number] == name for number, name in again._names.items())
    assert np.array_equal(again.venue, exchange.venue)
