"""The units for systemd: they run verbs that are there, and the watchdog needs nobody."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from interlock.cli import app

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
NAMES = ("interlock-venue", "interlock-engine", "interlock-watchdog", "interlock-gateway")


def unit(name: str) -> configparser.ConfigParser:
    """Return a unit's settings."""
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(FOLDER / f"{name}.service")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_runs_a_verb_that_is_there_as_a_user_of_its_own(name: str) -> None:
    verbs = {
        each.name or each.callback.__name__ for each in app.registered_commands if each.callback
    }
    service = unit(name)["Service"]
    assert service["ExecStart"].split()[1] == name.removeprefix("interlock-")
    assert service["ExecStart"].split()[1] in verbs
    assert service["User"] == "interlock"
    assert service["StateDirectoryMode"] == "0700"


def test_the_watchdog_needs_nobody_is_watched_and_is_stopped_before_the_engine() -> None:
    found = unit("interlock-watchdog")
    assert not {"Requires", "BindsTo", "PartOf", "Wants"} & set(found["Unit"])
    assert "interlock-engine.service" in found["Unit"]["After"]
    assert found["Service"]["Type"] == "notify"
    assert found["Service"]["Restart"] == "always"
    assert int(found["Service"]["WatchdogSec"]) == 10


def test_what_was_refused_is_not_tried_again() -> None:
    for name in ("interlock-engine", "interlock-venue", "interlock-gateway"):
        assert unit(name)["Service"]["RestartPreventExitStatus"] == "2"


@pytest.mark.parametrize("name", NAMES)
def test_systemd_understands_a_unit(name: str, tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("only systemd itself can say this, and this machine has none (systemd-analyze)")
    text = (FOLDER / f"{name}.service").read_text()
    mine = text.replace("/opt/interlock/.venv/bin/interlock", "/bin/true")
    (tmp_path / f"{name}.service").write_text(mine)
    checked = subprocess.run(
        [tool, "verify", "--man=no", str(tmp_path / f"{name}.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert name not in checked.stderr, checked.stderr


def test_what_faces_the_world_may_do_little_on_its_machine() -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("only systemd itself can say this, and this machine has none (systemd-analyze)")
    checked = subprocess.run(
        [
            *(tool, "security", "--offline=true", "--threshold=20"),
            str(FOLDER / "interlock-gateway.service"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_gateway_goes_first_when_memory_runs_out_and_nobody_waits_for_it() -> None:
    found = unit("interlock-gateway")
    assert int(found["Service"]["OOMScoreAdjust"]) > 0
    assert found["Service"]["Restart"] == "always"
    for name in ("interlock-engine", "interlock-venue", "interlock-watchdog"):
        others = unit(name)["Unit"]
        assert not any("gateway" in others.get(key, "") for key in ("After", "Wants", "Requires"))
