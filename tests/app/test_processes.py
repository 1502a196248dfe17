"""Children are real processes: what they print, how they end."""

from queue import SimpleQueue

import pytest

from interlock.app.processes import (
    RESTARTS_MAX,
    RESTARTS_S,
    Child,
    Ended,
    Happenings,
    Restarts,
    Told,
    ending,
    told_in,
)

WAIT_S = 60


def listened(name: str, *arguments: str) -> list[Told | Ended]:
    """Run a child to its end; return everything that it made happen."""
    happenings: Happenings = SimpleQueue()
    Child(name, arguments, happenings, pass_fds=[])
    found: list[Told | Ended] = []
    while not found or not isinstance(found[-1], Ended):
        one = happenings.get(timeout=WAIT_S)
        assert isinstance(one, Told | Ended)
        found.append(one)
    return found


def test_everything_that_a_child_says_comes_before_its_end() -> None:
    *said, ended = listened("policy", "check", "/nowhere.yaml")

    assert said == []
    assert isinstance(ended, Ended)
    assert ended.code == 2
    assert any("/nowhere.yaml" in line for line in ended.errors)


def test_what_is_no_event_is_handed_on_as_it_is() -> None:
    first, *_, ended = listened("--version")

    assert isinstance(first, Told)
    assert first.event == "said"
    assert first.facts["text"].startswith("interlock ")
    assert isinstance(ended, Ended)
    assert ended.code == 0


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"event": "connected", "venue": "v"}', "connected"),
        ('{"no": "event"}', "said"),
        ("[1, 2]", "said"),
        ("Traceback", "said"),
        ("[" * 100_000, "said"),
    ],
)
def test_a_line_is_an_event_or_is_handed_on(line: str, event: str) -> None:
    assert told_in("engine", line).event == event


def test_how_a_process_ended_is_said_in_words() -> None:
    assert ending(-15) == "was killed by SIGTERM"
    assert ending(-63) == "was killed by signal 63"
    assert ending(1) == "ended with exit code 1"


def test_restarts_are_counted_within_a_window() -> None:
    restarts = Restarts()
    for number in range(RESTARTS_MAX):
        assert restarts.pause_s(float(number)) is not None
    assert restarts.pause_s(float(RESTARTS_MAX)) is None
    assert restarts.pause_s(RESTARTS_S + 0.5) is not None
