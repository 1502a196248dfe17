"""Section ``webhook`` of ``interlock.toml``: who may send alerts, how fast, and for how long."""

import ipaddress
import re
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, Field, model_validator

from interlock.config.amounts import count
from interlock.config.errors import bad_value, disagree, shown
from interlock.config.trading import STRICT
from interlock.config.words import SLUG, Text, Texts

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Source: tradingview.com/support/solutions/43000529348, "How to configure webhook alerts".
TRADINGVIEW: Final = "tradingview"
TRADINGVIEW_ADDRESSES: Final = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")

_NS_PER_S: Final = 1_000_000_000
_NS_PER_HOUR: Final = 3_600 * _NS_PER_S
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_CERTIFICATE_NAME_MAX: Final = 64  # RFC 5280, appendix A.1: ub-common-name


def _source(value: str) -> str:
    if value == TRADINGVIEW:
        return value
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise bad_value(
            f"must have addresses, networks such as 10.0.0.0/8, or {TRADINGVIEW}, was "
            f"{shown(value)}"
        ) from None


def _header(value: str) -> str:
    if _HEADER.fullmatch(value) is None:
        raise bad_value(f"must be the name of a header such as X-Client-Name, was {shown(value)}")
    return value


def _certificate_name(value: str) -> str:
    if len(value) > _CERTIFICATE_NAME_MAX or value != value.strip():
        raise bad_value(
            f"must be a certificate's name of at most {_CERTIFICATE_NAME_MAX} characters, was "
            f"{shown(value)}"
        )
    return value


SOURCES: Final = Texts(
    each=Text(words="an address", check=_source),
    words=f"a list of addresses, networks or {TRADINGVIEW}",
)
NAMES: Final = Texts(each=SLUG, words="a list of names of a-z, 0-9, - and _")
HEADER: Final = Text(words="the name of a header", check=_header)
CERTIFICATE_NAME: Final = Text(words="a certificate's name, or nothing", check=_certificate_name)


class WebhookSettings(BaseModel):
    """Alerts from outside. The secret that they need is in a file of the home, not here."""

    model_config = STRICT

    enabled: bool = Field(
        description="Whether alerts are taken at all. Without the secret only this machine's own "
        "user may send one, and only in paper mode."
    )
    strategies: Annotated[tuple[str, ...], NAMES] = Field(
        description="Names that alerts may carry in `strategy`, each with limits and latches of "
        "its own; an alert without a name is strategy webhook."
    )
    sources: Annotated[tuple[str, ...], SOURCES] = Field(
        description="Where alerts may come from; none is from anywhere. `tradingview` stands for "
        "that company's four addresses. Behind a proxy, the gateway has to know it."
    )
    client_name: Annotated[str, CERTIFICATE_NAME] = Field(
        description="Name (CN) that the sender's certificate must have, as the proxy that checked "
        "it says; nothing is none."
    )
    client_name_header: Annotated[str, HEADER] = Field(
        description="Header in which the proxy says that name."
    )
    signature_required: bool = Field(
        description="Whether only signed alerts are taken (X-Interlock-Signature). Charts cannot "
        "sign; scripts can."
    )
    signature_seconds: Annotated[int, count(low=1, high=300, unit="seconds")] = Field(
        description="How far the time of a signature may be from ours."
    )
    late_seconds: Annotated[int, count(low=1, high=86_400, unit="seconds")] = Field(
        description="With live data, an alert that waited for its engine longer than this opens "
        "nothing. A way out is never too late."
    )
    same_seconds: Annotated[int, count(low=0, high=600, unit="seconds")] = Field(
        description="Without an id and a time, equal alerts so close together are one alert: a "
        "sender that got no answer sends again."
    )
    kept_hours: Annotated[int, count(low=24, high=8_760, unit="hours")] = Field(
        description="How long an alert is known again. One whose own time is older is refused."
    )
    source_per_second: Annotated[int, count(low=1, high=100_000, unit="requests")] = Field(
        description="Requests a second from one address; a burst may be twice that."
    )
    per_second: Annotated[int, count(low=1, high=100_000, unit="requests")] = Field(
        description="Requests a second from everywhere; a burst may be twice that."
    )

    @property
    def networks(self) -> tuple[Network, ...]:
        """Where alerts may come from, with what ``tradingview`` stands for."""
        names = [
            each
            for one in self.sources
            for each in (TRADINGVIEW_ADDRESSES if one == TRADINGVIEW else (one,))
        ]
        return tuple(map(ipaddress.ip_network, names))

    @property
    def signature_ns(self) -> int:
        """How far the time of a signature may be from ours."""
        return self.signature_seconds * _NS_PER_S

    @property
    def same_ns(self) -> int:
        """How close together equal alerts are one."""
        return self.same_seconds * _NS_PER_S

    @property
    def kept_ns(self) -> int:
        """How long an alert is known again."""
        return self.kept_hours * _NS_PER_HOUR

    @model_validator(mode="after")
    def _agree(self) -> "WebhookSettings":
        if self.per_second < self.source_per_second:
            disagree(
                f"per_second ({self.per_second}) must be at least source_per_second "
                f"({self.source_per_second}): one address is a part of everywhere"
            )
        return self
