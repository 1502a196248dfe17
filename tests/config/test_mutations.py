"""Whatever is done to a valid file: it loads to a valid policy, or it is refused by name."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config.amounts import plain
from interlock.config.canonical import (
    canonical_bytes,
    from_canonical,
    model_bytes,
    policy_digest,
)
from interlock.config.errors import PolicyError
from interlock.config.load import leaves, parse_breakers, parse_policy, shipped_content
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import BREAKERS_NAME, POLICY_NAME
from interlock.config.system_breakers import CircuitBreakers
from interlock.config.text import parse
from interlock.kernel.codes import Feed
from tests.config.samples import (
    BREAKERS,
    POLICY,
    InstrumentKind,
    Sample,
    breakers_of,
    policy_of,
    record_of,
)

POLICY_LEAVES = dict(leaves(shipped_content(POLICY_NAME)))
BREAKER_LEAVES = dict(leaves(shipped_content(BREAKERS_NAME)))
# Read by others: the boundaries of the day are events, and the simulated venue has its own record.
READ_ELSEWHERE = ("account.", "simulation.")

scalars = st.one_of(
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.text(max_size=8),
    st.sampled_from(["none", "all", "yes", "off", "2", "fixed", "halt_trading", 0, 1, 2, 5, 0.5]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=4,
)


def tree_of(path: str, value: object) -> dict[str, Any]:
    """Return nested sections with one value at ``path``."""
    tree: Any = value
    for part in reversed(path.split(".")):
        tree = {part: tree}
    assert isinstance(tree, dict)
    return tree


def prefixes(path: str) -> list[str]:
    """Return the path and every section around it."""
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


T = TypeVar("T")


def outcome(make: Callable[[], T]) -> tuple[T | None, tuple[str, ...]]:
    """Return what was made, or the problems it was refused with; any other error is a bug."""
    try:
        return make(), ()
    except PolicyError as refused:
        return None, refused.problems


def check_policy(raw: bytes) -> None:
    """Check that ``raw`` is a policy that can be stored and built, or that it is refused."""
    loaded, problems = outcome(lambda: parse_policy(raw, source="f.yaml"))
    if loaded is None:
        assert problems
        assert all(problem.startswith("f.yaml:") for problem in problems)
        return
    policy = loaded.model
    assert from_canonical(canonical_bytes(policy, BREAKERS))[0] == policy
    _, problems = outcome(lambda: record_of(policy))
    assert all("quantity" in problem for problem in problems)  # one of less than a lot


def check_breakers(raw: bytes) -> None:
    """Likewise for breakers."""
    loaded, problems = outcome(lambda: parse_breakers(raw, source="f.toml"))
    if loaded is None:
        assert problems
        assert all(problem.startswith("f.toml:") for problem in problems)
        return
    breakers = loaded.model.circuit_breakers
    assert from_canonical(canonical_bytes(POLICY, breakers))[1] == breakers
    record_of(breakers=breakers)


@given(path=st.sampled_from(sorted(POLICY_LEAVES)), value=values, data=st.data())
def test_any_value_in_any_place_of_a_policy(path: str, value: object, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(prefixes(path)))

    check_policy(json.dumps(tree_of(place, value)).encode())


def toml_of(value: object) -> str:
    """Return a value as TOML, near enough: what it does not have becomes a broken file."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)} = {toml_of(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(toml_of(item) for item in value)}]"
    return json.dumps(value) if isinstance(value, bool | str) else str(value)


@given(path=st.sampled_from(sorted(BREAKER_LEAVES)), value=values, data=st.data())
def test_any_value_in_any_place_of_the_breakers(
    path: str, value: object, data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(prefixes(path)))

    check_breakers(f"{place} = {toml_of(value)}".encode())


def edited(raw: bytes, data: st.DataObject) -> bytes:
    """Return ``raw`` with up to three places overwritten by a few bytes."""
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.integers(0, 12))
        patch = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [b"\n", b": ", b"- ", b"&a ", b"*a", b"{", b"}", b"[", b"!!", b"'"]
                ),
            )
        )
        raw = raw[:start] + patch + raw[start + length :]
    return raw


def breakers_file() -> bytes:
    """Return a valid file with every key of the breakers."""
    lines = (
        f"{path} = {plain(value) if isinstance(value, Decimal) else json.dumps(value)}"
        for path, value in BREAKER_LEAVES.items()
    )
    return "\n".join(lines).encode()


@given(st.data())
def test_any_edit_of_the_bytes_of_a_policy(data: st.DataObject) -> None:
    raw = model_bytes(POLICY) if data.draw(st.booleans()) else PRETTY
    check_policy(edited(raw, data))


@given(st.data())
def test_any_edit_of_the_bytes_of_the_breakers(data: st.DataObject) -> None:
    check_breakers(edited(breakers_file(), data))


PRETTY = b"""
position_sizing:
  method: fixed_fractional
  risk_per_trade: 0.01
exits:
  stop_loss: {method: percentage, distance_fraction: 0.02}
limits:
  instruments:
    allowed: [BTC_USDT, SPY]
    by_symbol:
      BTC_USDT: {order_quantity: 0.5, orders: {per_day: 7}}
strategies:
  by_name:
    ema_cross: {edge_required: true}
"""


@given(st.binary(max_size=60))
def test_any_bytes_at_all(raw: bytes) -> None:
    check_policy(raw)
    check_breakers(raw)
    with pytest.raises(PolicyError, match=r"^stored policy: "):
        from_canonical(raw)


@given(path=st.sampled_from(sorted(POLICY_LEAVES)), value=values)
def test_a_stored_policy_that_was_changed_is_refused_or_valid(path: str, value: object) -> None:
    stored: Any = json.loads(canonical_bytes(POLICY, BREAKERS))
    section = stored["risk_policy"]
    *parents, last = path.split(".")
    for part in parents:
        section = section[part]
    section[last] = value
    changed = json.dumps(stored).encode()

    loaded, problems = outcome(lambda: from_canonical(changed))

    assert all(problem.startswith("stored policy: ") for problem in problems)
    if loaded is not None:
        assert from_canonical(canonical_bytes(*loaded)) == loaded


def alternatives(value: object) -> Iterator[object]:
    """Yield other values that the key of ``value`` might take, as text for a file."""
    if isinstance(value, bool):
        yield "false" if value else "true"
    elif isinstance(value, int | Decimal):
        for factor in ("0.5", "2", "0.9", "1.1", "0.1"):
            number = Decimal(value) * Decimal(factor)
            yield plain(number)
        yield from (int(value) + 1, int(value) - 1)
    else:
        yield from ("none", "7", "fixed_fractional", "percentage", "model", "fixed", "[SPY]")
        yield from ("warn", "halt_and_flatten")


# What a key needs beside it to have a meaning.
BESIDE = {
    "strategies.default.margin": "risk: {allow_margin: true}",
    "strategies.default.leverage": (
        "risk: {allow_margin: true}\nstrategies: {default: {margin: true}}"
    ),
}
SCENE = (Sample(), Sample(symbol="SPY", kind=InstrumentKind.OPTION, calendar="XNYS"))


def bytes_of(policy: RiskPolicy, breakers: CircuitBreakers = BREAKERS) -> bytes:
    """Return the records of a run on bars and of one on quotes, a coin and an option in each."""
    feeds = (Feed.BAR, Feed.QUOTE)
    return b"".join(
        record_of(policy, breakers, instruments=SCENE, feed=feed).tobytes() for feed in feeds
    )


def differs(path: str, value: object) -> bool:
    """Return whether a policy with this value is valid and makes another record."""
    beside = parse(BESIDE.get(path, "risk: {max_drawdown: 0.05}").encode(), "f.yaml", ".yaml")
    section = beside
    *parents, last = path.split(".")
    for part in parents:
        section = section.setdefault(part, {})
    before = policy_of(dumped(beside))
    section[last] = value
    try:
        return bytes_of(policy_of(dumped(beside))) != bytes_of(before)
    except PolicyError:
        return False


def dumped(value: object) -> str:
    """Return sections as YAML on one line; text stands there as it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {dumped(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@pytest.mark.parametrize("path", sorted(POLICY_LEAVES))
def test_every_key_of_the_policy_does_something(path: str) -> None:
    """A key that nobody reads is a limit that does not hold."""
    if path.startswith(READ_ELSEWHERE) or POLICY_LEAVES[path] == {}:
        return
    # The instruments' default is replaced as a whole: one symbol's own entry leaves the others.
    here = path.replace("instruments.default.", "instruments.by_symbol.BTC_USDT.")
    assert any(differs(here, value) for value in alternatives(POLICY_LEAVES[path]))


@pytest.mark.parametrize("path", sorted(BREAKER_LEAVES))
def test_every_key_of_the_breakers_does_something(path: str) -> None:
    quote = '"' if isinstance(BREAKER_LEAVES[path], str) else ""
    found = []
    for value in alternatives(BREAKER_LEAVES[path]):
        try:
            breakers = breakers_of(f"{path} = {quote}{value}{quote}")
        except PolicyError:
            continue
        found.append(bytes_of(POLICY, breakers) != bytes_of(POLICY))
    assert any(found)


def test_two_files_that_mean_the_same_have_one_digest() -> None:
    plain_file = policy_of("risk: {max_drawdown: 0.04}\nmarket: {max_spread_bps: 40}")
    other_file = policy_of("market:\n  max_spread_bps: 40.0\nrisk: {max_drawdown: 4.0e-2}")
    third_file = policy_of("risk: {max_drawdown: 0.041}\nmarket: {max_spread_bps: 40}")

    assert policy_digest(plain_file, BREAKERS) == policy_digest(other_file, BREAKERS)
    assert policy_digest(plain_file, BREAKERS) != policy_digest(third_file, BREAKERS)


def test_the_canonical_bytes_are_sorted_json_without_spaces() -> None:
    raw = canonical_bytes(POLICY, BREAKERS)

    assert list(json.loads(raw)) == ["circuit_breakers", "risk_policy", "version"]
    assert json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")).encode() == raw
    assert b'"max_position_pct":0.2,' in raw
    assert from_canonical(raw) == (POLICY, BREAKERS)


def test_another_version_of_the_stored_policy_is_refused() -> None:
    raw = canonical_bytes(POLICY, BREAKERS).replace(b'"version":1', b'"version":2')

    with pytest.raises(PolicyError, match=r"must have .*\(version 1\)"):
        from_canonical(raw)
