"""Section ``approvals`` of ``interlock.toml``: whose entries wait for a person, and how long."""

from typing import Annotated, Final

from pydantic import BaseModel, Field

from interlock.config.amounts import count
from interlock.config.trading import STRICT
from interlock.config.words import SLUG, Texts

_NS_PER_S: Final = 1_000_000_000
_PPM_PER_BPS: Final = 100

NAMES: Final = Texts(each=SLUG, words="a list of names of a-z, 0-9, - and _")


class ApprovalSettings(BaseModel):
    """Entries that a person has to approve, one by one. Exits never wait."""

    model_config = STRICT

    strategies: Annotated[tuple[str, ...], NAMES] = Field(
        description="Strategies whose entries wait for a person: the one that runs, webhook, or "
        "one of webhook.strategies."
    )
    seconds: Annotated[int, count(low=5, high=3_600, unit="seconds")] = Field(
        description="How long an entry waits for its answer. After that, or after a restart, it is "
        "gone."
    )
    band_bps: Annotated[int, count(low=1, high=500, unit="basis points")] = Field(
        description="How far the market may have moved, either way, when the answer comes. Beyond "
        "that the entry is refused, whatever the answer was."
    )

    @property
    def wait_ns(self) -> int:
        """How long an entry waits for its answer."""
        return self.seconds * _NS_PER_S

    @property
    def band_ppm(self) -> int:
        """How far the market may have moved."""
        return self.band_bps * _PPM_PER_BPS
