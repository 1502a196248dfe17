"""Where things are kept, and who may write there."""

from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("environ", "home"),
    [
        ({"INTERLOCK_HOME": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"INTERLOCK_HOME": "", "XDG_DATA_HOME": "/b", "HOME": "/c"}, "/b/interlock"),
        ({"HOME": "/c"}, "/c/.local/share/interlock"),
    ],
)
def test_the_home_is_the_first_that_is_set(environ: dict[str, str], home: str) -> None:
    assert read_settings(environ).home == Path(home)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "environment: INTERLOCK_HOME must be set, for HOME is not."),
        (
            {"INTERLOCK_HOME": "here"},
            "environment: INTERLOCK_HOME must be an absolute path, was 'here'.",
        ),
        (
            {"XDG_DATA_HOME": "~/x", "HOME": "/c"},
            "environment: XDG_DATA_HOME must be an absolute path, was '~/x'.",
        ),
    ],
)
def test_a_home_that_is_none_is_refused(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_settings(environ)
    assert refused.value.problems == (problem,)


def test_reading_makes_nothing_and_writing_makes_a_private_folder(tmp_path: Path) -> None:
    settings = read_settings({"INTERLOCK_HOME": str(tmp_path / "deep" / "home")})
    assert settings.config_file("risk_policy.yaml") is None
    assert not settings.home.exists()

    assert settings.make_home() == settings.home
    assert settings.home.stat().st_mode & 0o777 == 0o700
    assert settings.make_home() == settings.home


def test_a_home_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o770)

    with pytest.raises(PolicyError, match=r"must be a folder of this user .* was mode 0770"):
        Settings(home=home).make_home()


def test_a_home_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(PolicyError, match="the home cannot be made: Not a directory"):
        Settings(home=tmp_path / "file" / "home").make_home()
