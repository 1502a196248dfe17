"""The gateway's process, as far as it can be seen without one."""

import asyncio
from pathlib import Path

import pytest

from interlock.app.gateway import beside, run_gateway
from interlock.app.launch import Launch
from interlock.app.listening import listen_on
from interlock.config.errors import PolicyError
from interlock.config.home import home_of
from interlock.config.settings import Settings
from tests.config.samples import SYSTEM


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home of its own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    return folder


def launch(folder: Path, text: str) -> Launch:
    """Return a launch with a file of settings."""
    config = folder / "interlock.toml"
    config.write_text(f"[gateway]\n{text}\n")
    return Launch(config_file=config)


def test_where_it_is_switched_off_it_says_so_and_ends(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_gateway(launch(tmp_path, "enabled = false"), guardian=-1) == 0
    assert "gateway.enabled is false" in capsys.readouterr().err
    assert not home_of(Settings(home=home)).webhook_secret.exists()


def test_where_its_place_is_taken_it_refuses(home: Path, tmp_path: Path) -> None:
    with listen_on(SYSTEM.gateway.model_copy(update={"port": 0})) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PolicyError, match=rf"port {port} of 127\.0\.0\.1 must be free"):
            run_gateway(launch(tmp_path, f"port = {port}"), guardian=-1)
    assert not home_of(Settings(home=home)).gateway_db.exists()


async def for_ever() -> None:
    await asyncio.Event().wait()


def test_what_breaks_beside_it_ends_it_and_is_not_kept_quiet() -> None:
    async def test() -> None:
        told_to_end = asyncio.Event()

        async def main() -> None:
            await told_to_end.wait()

        async def breaks() -> None:
            raise KeyError("a bug")

        await beside(main, [for_ever, breaks], told_to_end.set)

    with pytest.raises(KeyError, match="a bug"):
        asyncio.run(test())


def test_what_goes_on_beside_it_is_cancelled_when_it_ends() -> None:
    ended = []

    async def test() -> None:
        async def main() -> None:
            await asyncio.sleep(0)

        async def work() -> None:
            try:
                await for_ever()
            finally:
                ended.append("work")

        await beside(main, [work], lambda: ended.append("end"))

    asyncio.run(test())
    assert ended == ["work"]
