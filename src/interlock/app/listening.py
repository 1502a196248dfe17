"""The gateway's place on this machine: taken before anything trades, or refused in one sentence."""

import errno
import resource
import socket
from contextlib import suppress
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.gateway import GatewaySettings

BACKLOG: Final = 1_024
FILES_BESIDES: Final = 256  # open files that are no connection of a client
_LOCALHOST: Final = "127.0.0.1"
_ELSEWHERE: Final = (
    "set gateway.port in interlock.toml to another number, or give one: interlock run --port 5002. "
    "Without dashboard and webhook: interlock run --no-gateway."
)


def listen_on(settings: GatewaySettings) -> socket.socket:
    """Return a socket that listens where the settings say; a connection waits until it is taken.

    Raises:
        PolicyError: The place is taken, or is not of this machine.
    """
    host = _LOCALHOST if settings.host == "localhost" else settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise PolicyError(_problem(error, host, settings.port)) from error
    return listening


def adopted(descriptor: int) -> socket.socket:
    """Return the socket that whoever started this process listens on for it."""
    return socket.socket(fileno=descriptor)


def address_of(listening: socket.socket) -> str:
    """Return where a browser on this machine finds it."""
    host, port = listening.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - every address, the own one among them
        host = _LOCALHOST
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_files(connections_max: int) -> None:
    """Let this process have as many files open as it has connections, where the system agrees."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + FILES_BESIDES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # then it has as many as it was given
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _problem(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"gateway.port: port {port} of {host} must be free, was taken by another program, "
            f"perhaps by another interlock run. Nothing was started. Next: stop that one, or "
            f"{_ELSEWHERE}"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"gateway.host: {host} must be an address of this machine, was another one's. Nothing "
            "was started. Next: set gateway.host in interlock.toml to 127.0.0.1."
        )
    if error.errno == errno.EACCES:
        return (
            f"gateway.port: {port} must be a port that this user may take, was one of the "
            "administrator's. Nothing was started. Next: set gateway.port in interlock.toml to a "
            "number above 1023."
        )
    return (
        f"gateway.port: port {port} of {host} cannot be listened on: {error.strerror}. Nothing was "
        f"started. Next: {_ELSEWHERE}"
    )
