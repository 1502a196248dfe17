"""``interlock policy check``, and the page that explains every key."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from interlock.config.canonical import model_digest
from interlock.config.check import check_file, check_files
from interlock.config.errors import key_paths
from interlock.config.load import read_breakers, read_policy
from interlock.config.reference import with_tables
from interlock.config.risk_policy import RiskPolicy
from interlock.config.system import SystemConfig
from interlock.config.system_breakers import BreakersFile
from tests.config.samples import BREAKERS, POLICY, SYSTEM


def written(folder: Path, name: str, text: str) -> Path:
    """Return a new file."""
    path = folder / name
    path.write_text(text)
    return path


def test_a_good_file_shows_its_digest_and_what_it_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "mine.yaml", "risk: {max_drawdown: 0.04}")

    lines = check_file(path).lines()

    digest = model_digest(read_policy(path).model)
    assert lines[0] == f"OK {path}: risk policy, digest {digest}"
    assert lines[1] == "  not in the file, and therefore as shipped:"
    assert "    position_sizing.risk_per_trade = 0.02" in lines
    assert "    risk.allow_margin = false" in lines
    assert not any("max_drawdown =" in line for line in lines)


def test_limits_that_deny_because_they_are_not_set_are_listed(tmp_path: Path) -> None:
    text = "limits: {instruments: {default: {order_notional: 5, orders: {per_day: 3}}}}"

    report = check_file(written(tmp_path, "mine.yml", text))

    assert report.denying == tuple(
        f"limits.instruments.default.{name}"
        for name in (
            "order_quantity",
            "position_quantity",
            "position_notional",
            "position_fraction",
            "leverage",
            "open_orders",
            "orders.per_second",
            "orders.per_minute",
            "repeats.max_count",
            "repeats.window_seconds",
        )
    )
    assert report.lines()[1] == "  not set, and therefore denying:"


def test_breakers_show_the_levels_that_follow_from_the_threshold(tmp_path: Path) -> None:
    path = written(tmp_path, "b.toml", "[circuit_breakers.drawdown]\nthreshold_pct = 1.5")

    report = check_file(path)

    assert report.kind == "circuit breakers"
    assert report.digest == model_digest(read_breakers(path).model.circuit_breakers)
    assert "circuit_breakers.drawdown.warn_pct = 1.0000" in report.defaulted
    assert "circuit_breakers.drawdown.emergency_pct = 2.5000" in report.defaulted


def test_every_file_is_judged_and_one_bad_one_fails_the_check(tmp_path: Path) -> None:
    report = check_files(
        [
            written(tmp_path, "a.yaml", "risk: {max_drawdown: 7}\nfoo: 1"),
            written(tmp_path, "b.toml", "[circuit_breakers.drawdown]\nthreshold_pct = 2.0"),
            written(tmp_path, "instruments.yaml", "instruments: {}"),
            written(tmp_path, "c.ini", ""),
            tmp_path / "none.yaml",
        ]
    )

    assert not report.ok
    assert [file.ok for file in report.files] == [False, True, True, False, False]
    lines = report.lines()
    assert lines[0] == f"REFUSED {tmp_path / 'a.yaml'}: 2 problems"
    assert lines[1].startswith(f"  {tmp_path / 'a.yaml'}: risk.max_drawdown must be a fraction")
    assert f"OK {tmp_path / 'instruments.yaml'}: instruments" in lines
    assert f"REFUSED {tmp_path / 'c.ini'}: 1 problem" in lines


@pytest.mark.parametrize("name", ["risk_policy.yaml", "circuit_breakers.toml", "interlock.toml"])
def test_the_shipped_files_are_complete(root: Path, name: str) -> None:
    """They are the only place where defaults are written, so nothing may be missing there."""
    report = check_file(root / "src" / "interlock" / "config" / "shipped" / name)

    assert report.ok
    assert report.defaulted == ()
    assert report.denying == ()
    assert report.digest in {model_digest(model) for model in (POLICY, BREAKERS, SYSTEM)}


@pytest.mark.parametrize(
    ("name", "models"),
    [("policy.md", (RiskPolicy, BreakersFile)), ("configuration.md", (SystemConfig,))],
)
def test_the_page_has_a_row_for_every_key(
    root: Path, name: str, models: tuple[type[BaseModel], ...]
) -> None:
    """Its tables are made from the models: a new key without its row fails here."""
    page = (root / "docs" / name).read_text()

    assert with_tables(page) == page
    for model in models:
        for path in key_paths(model):
            key = ".".join(path)
            assert f"| `{path[-1]}` |" in page or f"### {key}" in page or "<name>" in path
