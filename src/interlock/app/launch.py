"""What a run was told on the command line, for the supervisor and for the processes it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from interlock.config.everything import Configuration, read_everything
from interlock.config.home import Home, home_of
from interlock.config.settings import Settings, read_settings

SAMPLE: Final = "sample:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a person said of a run; what is not said is as in ``interlock.toml``.

    Attributes:
        config_file: Instead of the home's own ``interlock.toml``.
        speed: Of a recording; None is as configured.
        data: Files of bars; none is as configured.
        strategy: With its parameters at their defaults; None is as configured.
        loosen: Whether limits may be looser than those the account ran under.
        port: Of the gateway; None is as configured.
        has_gateway: Whether there is one, if it is configured.
    """

    config_file: Path | None = None
    speed: str | None = None
    data: tuple[str, ...] = ()
    strategy: str | None = None
    loosen: bool = False
    port: int | None = None
    has_gateway: bool = True

    def absolute(self) -> "Launch":
        """Return it with paths that mean the same in every folder."""
        return replace(
            self,
            config_file=None if self.config_file is None else self.config_file.absolute(),
            data=tuple(map(_absolute_data, self.data)),
            strategy=None if self.strategy is None else _absolute_strategy(self.strategy),
        )

    def changes(self) -> Mapping[str, object]:
        """Return the keys of ``interlock.toml`` that it says something else of."""
        found: dict[str, object] = {}
        if self.speed is not None:
            found["data.speed"] = self.speed
        if self.data:
            found |= {"data.source": "replay", "data.bars": self.data, "data.symbols": ()}
        if self.strategy is not None:
            found |= {"strategy.name": self.strategy, "strategy.parameters": {}}
        return found

    def arguments(self) -> list[str]:
        """Return it as the options of another process."""
        found: list[str] = []
        if self.config_file is not None:
            found += ["--config", str(self.config_file)]
        if self.speed is not None:
            found += ["--speed", self.speed]
        for path in self.data:
            found += ["--data", path]
        if self.strategy is not None:
            found += ["--strategy", self.strategy]
        return found


def _absolute_data(text: str) -> str:
    return text if not text or text.startswith(SAMPLE) else os.path.abspath(text)  # noqa: PTH100 - as typed


def _absolute_strategy(text: str) -> str:
    """Return a strategy's name, its file with an absolute path."""
    file, colon, name = text.rpartition(":")
    return f"{os.path.abspath(file)}:{name}" if colon and file else text  # noqa: PTH100 - likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a run was told, read and found in order.

    Attributes:
        launch: With absolute paths.
        settings: Of the surroundings.
        home: Made.
        configuration: Everything that people wrote.
        is_new: Whether no journal is there yet; None when that is not for this machine to know.
        address: Where the gateway answers; "" without one.
    """

    launch: Launch
    settings: Settings
    home: Home
    configuration: Configuration
    is_new: bool | None
    address: str = ""


def read_launch(launch: Launch) -> tuple[Settings, Home, Configuration]:
    """Return what a run is made of; nothing is made or written.

    Raises:
        PolicyError: Every problem of every file and option.
    """
    settings = read_settings()
    configuration = read_everything(settings, launch.config_file, changes=launch.changes())
    return settings, home_of(settings), configuration


def is_new(home: Home, configuration: Configuration) -> bool | None:
    """Return whether an account begins; None when its journal is on a server."""
    if configuration.system.journal.url:
        return None
    return not os.path.lexists(home.journal)
