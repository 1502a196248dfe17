"""Codes of six digits: when they are believed, and that each is used once."""

import re
import threading
from pathlib import Path

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.clock import NS_PER_S
from interlock.service.database import open_database
from interlock.service.people.totp import (
    DRIFT_STEPS,
    STEP_S,
    matching_step,
    new_secret,
    otpauth_uri,
    qr_code,
    step_of,
)
from interlock.service.people.users import add_person, everybody, use_totp
from interlock.service.permissions import Role

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - nobody's
MOMENTS = st.integers(min_value=0, max_value=4_000_000_000)


def code(step: int) -> str:
    return pyotp.TOTP(SECRET).generate_otp(step)


@pytest.mark.parametrize(
    ("moment_s", "expected"),
    [(59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")],
)
def test_codes_are_those_of_the_standard(moment_s: int, expected: str) -> None:
    """RFC 6238, appendix B, with SHA-1; the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - the standard's

    step = matching_step(secret, expected[-6:], moment_s * NS_PER_S, -1)

    assert step == moment_s // STEP_S


@given(MOMENTS, st.integers(min_value=-5, max_value=5))
def test_a_code_is_believed_one_step_around_now(now_s: int, drift: int) -> None:
    now = step_of(now_s * NS_PER_S)
    if now + drift < 0:
        return
    found = matching_step(SECRET, code(now + drift), now_s * NS_PER_S, -1)

    near = {code(step): step for step in range(max(0, now - 1), now + 2)}
    assert found == near.get(code(now + drift))
    assert (found is not None) == (abs(drift) <= DRIFT_STEPS) or code(now + drift) in near


@given(MOMENTS, st.lists(st.integers(min_value=-1, max_value=1), max_size=8))
def test_no_step_is_used_twice_and_none_before_it(now_s: int, drifts: list[int]) -> None:
    used, seen = -1, []
    for drift in drifts:
        typed = code(max(0, step_of(now_s * NS_PER_S) + drift))
        step = matching_step(SECRET, typed, now_s * NS_PER_S, used)
        if step is not None:
            seen.append(step)
            used = step

    assert seen == sorted(set(seen))


@given(st.text(max_size=64))
def test_any_text_may_be_typed(typed: str) -> None:
    now = 1_763_000_000 * NS_PER_S
    codes = {code(step_of(now) + drift) for drift in (-1, 0, 1)}

    assert (matching_step(SECRET, typed, now, -1) is not None) == (typed.replace(" ", "") in codes)


def test_spaces_between_the_digits_do_not_count() -> None:
    typed = code(10)

    assert matching_step(SECRET, f" {typed[:3]} {typed[3:]} ", 300 * NS_PER_S, -1) == 10


def test_a_secret_has_160_bits_and_none_is_like_another() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(re.fullmatch("[A-Z2-7]{32}", one) for one in secrets)


def test_an_authenticator_is_told_everything_by_a_picture() -> None:
    uri = otpauth_uri(SECRET, "alice")

    parsed = pyotp.parse_uri(uri)
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.secret, parsed.name, parsed.issuer) == (SECRET, "alice", "Interlock")
    assert (parsed.digits, parsed.interval) == (6, STEP_S)
    assert qr_code(uri).startswith("data:image/svg+xml")


def test_of_twenty_threads_with_the_same_code_one_has_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path / "gateway.db")
    with database.begin() as connection:
        add_person(connection, "alice", Role.ADMIN, 1)
        connection.exec_driver_sql(
            "UPDATE users SET password_hash = 'x', totp_secret = ?", (SECRET,)
        )
        person = everybody(connection)[0]
    now_ns, taken, barrier = 1_763_000_000 * NS_PER_S, [], threading.Barrier(20)
    typed = code(step_of(now_ns))

    def use() -> None:
        barrier.wait()
        with database.begin() as connection:
            taken.append(use_totp(connection, person, typed, now_ns))  # as it was read before

    threads = [threading.Thread(target=use) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(taken) == [False] * 19 + [True]
    database.close()
