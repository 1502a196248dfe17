"""What a person said of a run, on its way to other processes."""

from pathlib import Path

import pytest

from interlock.app.launch import Launch, read_launch
from interlock.config.errors import PolicyError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own, with a home in it."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_mean_the_same_in_every_folder(here: Path) -> None:
    launch = Launch(
        config_file=Path("my.toml"), data=("a.csv", "sample:GOOG"), strategy="mine.py:Mine"
    ).absolute()

    assert launch.config_file == here / "my.toml"
    assert launch.data == (str(here / "a.csv"), "sample:GOOG")
    assert launch.strategy == f"{here}/mine.py:Mine"
    assert Launch(strategy="ema_cross").absolute().strategy == "ema_cross"


def test_nothing_said_changes_nothing() -> None:
    assert Launch().absolute().changes() == {}
    assert Launch().arguments() == []


def test_other_data_and_another_strategy_leave_nothing_of_the_configured_ones(here: Path) -> None:
    path = here / "my.toml"
    path.write_text(
        '[data]\nbars = ["sample:EURUSD"]\nsymbols = ["EURUSD"]\n'
        '[strategy]\nname = "ema_cross"\nparameters = {fast = "5"}\n'
    )
    launch = Launch(config_file=path, data=("sample:GOOG",), strategy="donchian_breakout")
    _, _, configuration = read_launch(launch)

    assert configuration.system.data.bars == ("sample:GOOG",)
    assert configuration.system.data.symbols == ()
    assert configuration.system.strategy.name == "donchian_breakout"
    assert configuration.system.strategy.parameters == {}


def test_a_speed_that_is_none_is_refused_before_anything_is_made(here: Path) -> None:
    with pytest.raises(PolicyError, match=r"command line: data\.speed must be a speed"):
        read_launch(Launch(speed="warp"))

    assert list(here.iterdir()) == []
