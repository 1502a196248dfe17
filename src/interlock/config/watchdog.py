"""Section ``watchdog`` of ``interlock.toml``: what counts as a hang, and what is done then."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from interlock.config.amounts import count
from interlock.config.trading import STRICT

_PPM_OF_A_BASIS_POINT: Final = 100


class WatchdogSettings(BaseModel):
    """The process that stops the account when its engine cannot."""

    model_config = STRICT

    enabled: bool = Field(
        description="Whether there is one. Without it an engine that hangs is noticed by nobody."
    )
    absent_seconds: Annotated[int, count(low=2, high=300, unit="seconds")] = Field(
        description="How long the engine goes on opening positions without a sign of the watchdog."
    )
    hang_seconds: Annotated[int, count(low=2, high=60, unit="seconds")] = Field(
        description="Without progress for so long an engine has hung. A quiet market and a slow "
        "disk are told apart from that."
    )
    slow_disk_seconds: Annotated[int, count(low=5, high=600, unit="seconds")] = Field(
        description="How long one commit of the journal may take before it counts as a hang."
    )
    down_seconds: Annotated[int, count(low=5, high=600, unit="seconds")] = Field(
        description="How long an engine that broke may be down before the account is stopped: "
        "whoever starts it again needs a few seconds."
    )
    action: Literal["flatten", "protect"] = Field(
        description="flatten: every order is cancelled and every position closed. protect: what "
        "could open is cancelled, stops stay, and a position without one gets one."
    )
    stop_bps: Annotated[int, count(low=1, high=5_000, unit="basis points")] = Field(
        description="Distance from the last price of a stop that protect has to place."
    )

    @property
    def stop_ppm(self) -> int:
        """Distance of a stop that protect has to place, in millionths of the price."""
        return self.stop_bps * _PPM_OF_A_BASIS_POINT
