"""Signs of life for a service manager: said where it listens, and missed by nobody else."""

import os
import socket
from pathlib import Path

import pytest

from interlock.config.service_manager import ServiceManager, read_service_manager
from interlock.ops.notify import Notifier


@pytest.mark.parametrize("is_abstract", [False, True])
def test_what_is_said_arrives_in_one_piece(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@interlock-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if is_abstract else name)
        Notifier(name).say("READY=1", "STATUS=engine well: it makes progress")
        assert listener.recv(1_000) == b"READY=1\nSTATUS=engine well: it makes progress"


def test_nobody_has_to_listen(tmp_path: Path) -> None:
    Notifier("").say("READY=1")
    Notifier(str(tmp_path / "nobody")).say("READY=1")


def test_the_environment_says_who_watches() -> None:
    told = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "10000000"}
    assert read_service_manager(told) == ServiceManager(
        notify_socket="/run/notify", watchdog_s=10.0
    )
    other = told | {"WATCHDOG_PID": str(os.getpid() + 1)}
    assert read_service_manager(other).watchdog_s == 0
    assert read_service_manager({"WATCHDOG_USEC": "soon"}) == ServiceManager(
        notify_socket="", watchdog_s=0.0
    )
