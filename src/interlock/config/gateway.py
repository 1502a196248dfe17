"""Section ``gateway`` of ``interlock.toml``: where people and webhooks knock."""

import ipaddress
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, model_validator

from interlock.config.amounts import count
from interlock.config.errors import bad_value, disagree, shown
from interlock.config.trading import STRICT
from interlock.config.words import Text

PORT_MAX: Final = 65_535

_HOST_WORDS: Final = "an IP address of this machine, or localhost"
_URL_WORDS: Final = "nothing, or https://host or https://host:port"
_PROXY_WORDS: Final = "nothing, or an IP address"


def _address(value: str, words: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise bad_value(f"must be {words}, was {shown(value)}") from None


def _host(value: str) -> str:
    return value if value == "localhost" else _address(value, _HOST_WORDS)


def _proxy(value: str) -> str:
    return _address(value, _PROXY_WORDS) if value else value


def _public_url(value: str) -> str:
    if not value:
        return value
    problem = bad_value(f"must be {_URL_WORDS}, without a path, was {shown(value)}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise problem from None
    host = parts.hostname
    if parts.scheme != "https" or not host or not host.isascii():
        raise problem
    name = f"[{host}]" if ":" in host else host
    if value != f"https://{name}" + ("" if port is None else f":{port}"):
        raise problem
    return value


HOST: Final = Text(words=_HOST_WORDS, check=_host)
PUBLIC_URL: Final = Text(words=_URL_WORDS, check=_public_url)
PROXY: Final = Text(words=_PROXY_WORDS, check=_proxy)


class GatewaySettings(BaseModel):
    """The process that people's browsers and webhooks talk to."""

    model_config = STRICT

    enabled: bool = Field(
        description="Whether there is one. Without it there is no dashboard and no webhook."
    )
    host: Annotated[str, HOST] = Field(
        description="Where it listens. For others than this machine it needs `public_url` and "
        "`trusted_proxy`: it speaks no TLS itself."
    )
    port: Annotated[int, count(high=PORT_MAX, unit="as a port")] = Field(
        description="Its port; 0 is any that is free, which is said when it starts."
    )
    public_url: Annotated[str, PUBLIC_URL] = Field(
        description="How others reach it, through a proxy that ends TLS. Nothing: nobody does."
    )
    trusted_proxy: Annotated[str, PROXY] = Field(
        description="The address of that proxy: what it says of a client's address is believed, "
        "and what anybody else says is not."
    )
    docs: bool = Field(
        description="Whether those who are signed in may read the description of the API at "
        "/openapi.json."
    )
    connections_max: Annotated[int, count(low=16, high=8_192, unit="connections")] = Field(
        description="Most connections at a time; beyond it the one that has been waiting longest "
        "without a request is cut."
    )

    @property
    def is_for_this_machine(self) -> bool:
        """Whether only this machine can reach it without the proxy."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @model_validator(mode="after")
    def _agree(self) -> "GatewaySettings":
        problems = []
        if bool(self.public_url) != bool(self.trusted_proxy):
            problems.append(
                f"public_url ({shown(self.public_url)}) and trusted_proxy "
                f"({shown(self.trusted_proxy)}) must both be set, or neither: others come through "
                "a proxy that ends TLS, and only what a named one says of them is believed"
            )
        if not self.is_for_this_machine and not self.public_url:
            problems.append(
                f"host ({self.host}) must be an address of this machine alone, such as 127.0.0.1, "
                "while public_url is nothing: it would carry passwords in clear"
            )
        disagree(*problems)
        return self
