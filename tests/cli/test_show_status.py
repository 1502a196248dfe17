"""How an engine is, on a terminal: everything that matters, whatever its size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.cli.show_status import WIDE, Seen, status_lines
from tests.cli.statuses import LATCH, ORDER, POSITION, Said, status

TALL = 60


def shown(found: Said | None, width: int = 100, rows: int | None = None, **more: object) -> str:
    """Return what is shown, as text."""
    seen = Seen(status=found, **more)  # type: ignore[arg-type]
    return "\n".join(line.plain for line in status_lines(seen, width, rows))


def test_mode_account_state_and_how_far_it_is_come_first() -> None:
    first, second, *_ = shown(status()).splitlines()

    assert first == "INTERLOCK PAPER  account paper  trading  ready"
    assert second.startswith("2023-11-14 22:13 UTC  ")
    assert second.endswith("537 of 2,148 bars (25%) at 10bars/s")


def test_everything_that_is_held_open_or_in_force_is_there() -> None:
    text = shown(status(positions=[POSITION], orders=[ORDER], latches=[LATCH]))

    assert "equity 100,123.45 USD  day -12.50" in text
    assert "GOOG 12 at 418.47, now 420.00  +18.36  stop 410.00" in text
    assert "o-1C7-2 GOOG stop: sell 12 stop at 410.00  working" in text
    assert "PAUSED spread of GOOG, since 2023-11-14 22:13 UTC" in text
    assert " 80% used, trips at 95,000.00" in text
    assert "1 trade, 4 orders, 2 refusals" in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"level": "HALTED"}, "HALTED: no entries"),
        ({"level": "KILLED"}, "KILLED: everything is closed"),
        ({"ended": True}, "the recording has ended"),
        ({"durable_seq": 1_230}, "4 not durable yet"),
        ({"killed": {"set": True, "reason": "by hand"}}, "THE KILL LATCH IS SET: by hand"),
        ({}, "health PASS; 1 of 1 breaker proof held"),
        (
            {"health": {"status": "DEGRADED", "reasons": ["a", "b"]}, "proofs": {"breakers": []}},
            "health DEGRADED: a; b",
        ),
        ({"strategy_failure": "ValueError: x"}, "THE STRATEGY FAILED: ValueError: x"),
        ({"positions": [{**POSITION, "protected": False}]}, "UNPROTECTED"),
        ({"positions": [{**POSITION, "adopted": True}]}, "adopted"),
        (
            {
                "positions": [{**POSITION, "protected": False}],
                "orders": [{**ORDER, "role": "EXIT"}],
            },
            "being closed",
        ),
        ({"orders": [{**ORDER, "state": "UNKNOWN"}]}, "unknown"),
        (
            {"traffic": {"connects": 1, "sent": 4, "stopped_at_gate": {"killed": 2}}},
            "gate 4 sent, 2 stopped",
        ),
        (
            {"latches": [{**LATCH, "waits_for": ["COOLDOWN", "PERSON"]}]},
            "opens after its cooldown and a person",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_said(changes: Said, says: str) -> None:
    assert says in shown(status(**changes))


def test_an_engine_that_does_not_answer_is_shown_as_such_with_what_was_known_last() -> None:
    text = shown(status(), problem="does not answer within 1 s", silent_s=7.0)

    assert "THE ENGINE DOES NOT ANSWER WITHIN 1 S (7 S)" in text
    assert "100,123.45" in text


def test_before_the_first_answer_it_says_that_it_starts() -> None:
    assert shown(None) == "INTERLOCK PAPER\nstarting ..."


def test_a_small_terminal_shows_a_little_of_everything() -> None:
    """80 columns and 24 rows, with more of everything than fits."""
    many = status(positions=[POSITION] * 5, orders=[ORDER] * 12, latches=[LATCH] * 5)
    text = shown(many, 80, 23, events=["one", "two", "three", "four"])

    for title in ("MONEY", "POSITIONS", "OPEN ORDERS", "LATCHES", "LIMITS", "ENGINE", "LAST EV"):
        assert title in text
    assert "... and " in text
    assert text.splitlines()[-1] == "four"


def test_a_wide_terminal_has_two_columns() -> None:
    text = shown(status(latches=[LATCH]), WIDE, TALL)
    line = next(line for line in text.splitlines() if line.startswith("MONEY"))

    assert "LATCHES" in line


def test_where_only_ascii_is_shown_there_is_nothing_else() -> None:
    many = status(positions=[POSITION] * 9, orders=[ORDER] * 30)

    assert shown(many, 60, 23, ascii_only=True, events=["one"]).isascii()


def test_names_of_others_cannot_move_the_cursor() -> None:
    assert "\x1b" not in shown(status(positions=[{**POSITION, "symbol": "A\x1b[2J"}]))


@given(
    width=st.integers(20, 200),
    rows=st.integers(5, 60),
    positions=st.integers(0, 6),
    orders=st.integers(0, 25),
    latches=st.integers(0, 9),
    events=st.integers(0, 40),
)
def test_it_never_is_larger_than_the_terminal(
    width: int, rows: int, positions: int, orders: int, latches: int, events: int
) -> None:
    found = status(
        positions=[POSITION] * positions, orders=[ORDER] * orders, latches=[LATCH] * latches
    )
    seen = Seen(status=found, events=[f"event {number}" for number in range(events)])
    lines = status_lines(seen, width, rows)

    assert len(lines) <= rows
    assert all(line.cell_len <= width for line in lines)
