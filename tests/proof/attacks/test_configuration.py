"""Configuration that would weaken the guard: refused at its door, by name, and nothing starts."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from interlock.app.loosening import check_not_looser, compared
from interlock.cli import app
from interlock.config.canonical import canonical_bytes
from interlock.config.errors import PolicyError
from interlock.config.everything import read_everything
from interlock.config.home import Home, home_of
from interlock.config.settings import Settings

# What is written into a file of rules, and what the refusal names.
BAD: Final = r"""
policy.yaml | risk: {max_daily_loss: 1.5} | max_daily_loss
policy.yaml | risk: {max_daily_loss: -0.1} | max_daily_loss
policy.yaml | risk: {max_daily_loss: .nan} | max_daily_loss
policy.yaml | risk: {max_daily_loss: .inf} | max_daily_loss
policy.yaml | risk: {max_daily_loss: "0.0.5"} | max_daily_loss
policy.yaml | risk: {max_daily_loss: 1e-400} | max_daily_loss
policy.yaml | risk: {max_daily_loss: 0x5} | max_daily_loss
policy.yaml | risk: {max_daily_loss: [0.05]} | max_daily_loss
policy.yaml | risk: {max_daily_loss: true} | max_daily_loss
policy.yaml | risk: {max_daily_loss: \u0660.05} | max_daily_loss
policy.yaml | risk: {max_drawdown: 1_0} | max_drawdown
policy.yaml | risk: {max_drawdown: 0.0000000000000000000000000000000000000001} | max_drawdown
policy.yaml | risk: {allow_shorting: maybe} | allow_shorting
policy.yaml | risk: {allow_margin: 1} | allow_margin
policy.yaml | risk: {max_daily_los: 0.05} | max_daily_los
policy.yaml | risk: {max_daily_loss: 0.05, max_daily_loss: 0.9} | max_daily_loss
policy.yaml | riskk: {max_daily_loss: 0.05} | riskk
policy.yaml | __proto__: {admin: true} | __proto__
policy.yaml | risk: !!python/object/apply:os.system [id] | risk must be
policy.yaml | risk: !!binary aWQ= | risk must be
policy.yaml | a: &a [x, x]\nb: &b [*a, *a]\nrisk: *b | alias
policy.yaml | risk: {<<: {max_daily_loss: 0.9}} | <<
policy.yaml | --- {}\n--- {} | another document
policy.yaml | risk: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ | line 1
policy.yaml | position_sizing: {risk_per_trade: 0.5} | risk_per_trade
policy.yaml | position_sizing: {kelly_fraction: 2} | kelly_fraction
policy.yaml | position_sizing: {method: everything} | method
policy.yaml | position_sizing: {max_position_pct: 20} | max_position_pct
policy.yaml | limits: {account: {leverage: 50}} | leverage
policy.yaml | limits: {account: {leverage: 0}} | leverage
policy.yaml | limits: {account: {open_orders: -1}} | open_orders
policy.yaml | limits: {account: {open_orders: 1.5}} | open_orders
policy.yaml | limits: {instruments: {allowed: "*"}} | allowed
policy.yaml | limits: {instruments: {default: {repeats: {max_count: 9}}}} | max_count
policy.yaml | market: {collar_fraction: 5} | collar_fraction
policy.yaml | market: {stream_age_seconds: 1000000} | stream_age_seconds
policy.yaml | exits: {stop_loss: {max_fraction: 2}} | max_fraction
policy.yaml | account: {time_zone: ../../etc/passwd} | time_zone
policy.yaml | account: {time_zone: Mars/Olympus} | time_zone
policy.yaml | account: {day_start: "25:00"} | day_start
breakers.toml | [circuit_breakers.drawdown]\nthreshold_pct = 101.0 | threshold_pct
breakers.toml | [circuit_breakers.drawdown]\nthreshold_pct = -3.0 | threshold_pct
breakers.toml | [circuit_breakers.drawdown]\nthreshold_pct = nan | threshold_pct
breakers.toml | [circuit_breakers.drawdown]\naction = "nothing" | action
breakers.toml | [circuit_breakers.drawdown]\nenabled = "no" | enabled
breakers.toml | [circuit_breakers.drawdown]\nenabledd = false | enabledd
breakers.toml | [circuit_breakers.drawdown]\nenabled = true\nenabled = false | overwrite
breakers.toml | [circuit_breakers.consecutive_losses]\nreduce_after = 0 | reduce_after
interlock.toml | [account]\nmode = "live" | mode
interlock.toml | [account]\ndry_run = false | dry_run
interlock.toml | [gateway]\nhost = "0.0.0.0" | host
interlock.toml | [gateway]\nport = 70000 | port
interlock.toml | [gateway]\nport = "5001; rm -rf /" | port
interlock.toml | [gateway]\npublic_url = "http://trading.example.org" | public_url
interlock.toml | [gateway]\npublic_url = "https://a.example/<script>" | public_url
interlock.toml | [gateway]\npublic_url = "https://*" | public_url
interlock.toml | [gateway]\ntrusted_proxy = "0.0.0.0/0" | trusted_proxy
interlock.toml | [gateway]\ntrusted_proxy = "*" | trusted_proxy
interlock.toml | [gateway]\nconnections_max = 100000000 | connections_max
interlock.toml | [people]\nidle_minutes = 0 | idle_minutes
interlock.toml | [people]\nidle_minutes = 100000 | idle_minutes
interlock.toml | [people]\nsession_hours = 10000 | session_hours
interlock.toml | [people]\nstep_up_minutes = 1000 | step_up_minutes
interlock.toml | [people]\nfour_eyes = "never" | four_eyes
interlock.toml | [webhook]\nsources = ["everybody"] | sources
interlock.toml | [webhook]\nsignature_seconds = 1000000 | signature_seconds
interlock.toml | [webhook]\nstrategies = ["../x"] | strategies
interlock.toml | [webhook]\nclient_name_header = "X-A\u000d\u000aX-B" | client_name_header
interlock.toml | [webhook]\nper_second = -1 | per_second
interlock.toml | [approvals]\nseconds = 100000 | seconds
interlock.toml | [telegram]\nenabled = true\nchats = ["-100123"] | chats
interlock.toml | [telegram]\napi_url = "http://169.254.169.254" | api_url
interlock.toml | [telegram]\ntoken = "123:abc" | token
interlock.toml | [mail]\nenabled = true\nhost = "a.example"\nsecurity = "none" | mail
interlock.toml | [journal]\nurl = "postgresql://me:secret@host/x" | url
interlock.toml | [journal]\npassword = "secret" | password
interlock.toml | [telemetry]\notlp_endpoint = "http://evil.example:4318" | otlp_endpoint
interlock.toml | [watchdog]\nhang_seconds = 100000 | hang_seconds
interlock.toml | [kill]\ngraceful_minutes = 100000 | graceful_minutes
interlock.toml | [strategy]\nname = "os:system" | name
interlock.toml | [data]\nbars = "x" | bars
"""
ROWS: Final = [tuple(part.strip() for part in row.split(" | ")) for row in BAD.strip().splitlines()]

# One key of the shipped rules, let looser than it is.
LOOSER: Final = """
risk: {max_daily_loss: 0.06}
risk: {max_daily_loss_money: 5000}
risk: {max_drawdown: 0.09}
risk: {allow_shorting: true}
risk: {allow_margin: true}
position_sizing: {risk_per_trade: 0.04}
position_sizing: {max_position_pct: 0.5}
position_sizing: {max_exposure_fraction: 0.9}
limits: {account: {order_notional: 900000}}
limits: {account: {order_notional: none}}
limits: {account: {open_orders: 50}}
limits: {account: {orders: {per_second: 50}}}
limits: {strategies: {default: {open_positions: 9}}}
market: {max_spread_bps: 500}
market: {collar_fraction: 0.2}
drift: {safe_mode_on_drift: false}
"""
LOOSENED: Final = [line for line in LOOSER.strip().splitlines() if line]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Return the home of these tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    yield home_of(Settings(home=folder))
    for handler in logging.getLogger("interlock.gateway").handlers:
        handler.close()  # of a gateway that was refused


def call(*arguments: str | Path) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_every_bad_file_of_rules_is_refused_by_name(tmp_path: Path, home: Home) -> None:
    wrong: list[str] = []
    for number, (name, content, named) in enumerate(ROWS):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / name
        path.write_text(content.replace("\\n", "\n").replace("\\u0660", "\u0660"))
        result = call("policy", "check", path)
        said = result.stdout + result.stderr
        if result.exit_code not in {1, 2} or "Traceback" in said:
            wrong.append(f"{content}: ended with {result.exit_code} {result.exception!r}")
        elif named not in said:
            wrong.append(f"{content}: does not say {named}: {said}")
    assert not wrong, "\n".join(wrong)
    assert not home.root.exists()


def test_what_lets_more_through_does_not_hold_by_itself(tmp_path: Path, home: Home) -> None:
    shipped = read_everything(Settings(home=home.root))
    before = canonical_bytes(shipped.policy, shipped.breakers)
    wrong: list[str] = []
    for number, content in enumerate(LOOSENED):
        path = tmp_path / f"{number}.yaml"
        path.write_text(content)
        after = read_everything(Settings(home=home.root), changes={"files.policy": str(path)})
        try:
            check_not_looser(compared(before, after), loosen=False, next_step="x")
        except PolicyError as error:
            if "lets more through than before" not in str(error):
                wrong.append(f"{content}: {error}")
        else:
            wrong.append(f"{content}: holds")
    assert not wrong, "\n".join(wrong)


def _readable(path: Path) -> None:
    path.write_text("x" * 43)
    path.chmod(0o644)


def _linked(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.write_text("x" * 43)
    elsewhere.chmod(0o600)
    path.symlink_to(elsewhere)


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _empty(path: Path) -> None:
    path.touch(0o600)


def _of_two_lines(path: Path) -> None:
    path.touch(0o600)
    path.write_text("x" * 43 + "\nand more\n")


def _of_bytes(path: Path) -> None:
    path.touch(0o600)
    path.write_bytes(b"\xff\xfe" * 20)


def _giant(path: Path) -> None:
    path.touch(0o600)
    path.write_text("x" * 100_000)


SECRETS: Final[dict[str, Callable[[Path], None]]] = {
    "that others read": _readable,
    "that is a link": _linked,
    "that is a folder": _folder,
    "that is a pipe": _pipe,
    "that is empty": _empty,
    "of two lines": _of_two_lines,
    "of bytes that are no text": _of_bytes,
    "without end": _giant,
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_none_ends_a_gateway_before_it_answers(
    home: Home, name: str, tmp_path: Path
) -> None:
    home.make()
    SECRETS[name](home.webhook_secret)
    config = tmp_path / "interlock.toml"
    config.write_text("[gateway]\nport = 0\n")

    result = call("gateway", "--config", config)

    assert result.exit_code == 2, result.stdout
    assert "webhook-secret" in result.stderr
    assert "Traceback" not in result.stderr
    assert "xxxx" not in result.stderr
    assert "gateway_ready" not in result.stdout


FOLDERS: Final = ("root", "gateway", "secrets", "logs")


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("how", ["open", "link"])
def test_a_folder_that_others_may_change_ends_a_gateway_before_it_answers(
    home: Home, name: str, how: str, tmp_path: Path
) -> None:
    home.make()
    folder: Path = getattr(home, name)
    if how == "open":
        folder.chmod(0o777)
    else:
        moved = tmp_path / "moved"
        folder.rename(moved)
        folder.symlink_to(moved)
    config = tmp_path / "interlock.toml"
    config.write_text("[gateway]\nport = 0\n")

    result = call("gateway", "--config", config)

    assert result.exit_code == 2, result.stdout
    assert str(folder) in result.stderr
    assert "gateway_ready" not in result.stdout


COUNT: Final = len(ROWS) + len(LOOSENED) + len(SECRETS) + 2 * len(FOLDERS)
assert all(len(row) == 3 for row in ROWS)
