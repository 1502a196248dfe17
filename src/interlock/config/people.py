"""Section ``people`` of ``interlock.toml``: how long a login holds, and when two are needed."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from interlock.config.amounts import count
from interlock.config.trading import STRICT


class PeopleSettings(BaseModel):
    """Sessions of people, and what one alone may not do."""

    model_config = STRICT

    idle_minutes: Annotated[int, count(low=1, high=60, unit="minutes")] = Field(
        description="A session that nobody used for so long has ended."
    )
    session_hours: Annotated[int, count(low=1, high=24, unit="hours")] = Field(
        description="After so long a session has ended, used or not."
    )
    step_up_minutes: Annotated[int, count(low=1, high=15, unit="minutes")] = Field(
        description="For so long after a fresh code of the second factor dangerous acts are open."
    )
    four_eyes: Literal["auto", "on", "off"] = Field(
        description="Whether clearing a kill, loosening rules and changing who may do so need a "
        "second person. auto: as soon as there are two administrators."
    )
