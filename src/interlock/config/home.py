"""Every place in the home, each named once; made for this user alone, and refused otherwise."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.settings import SYSTEM_NAME, Settings
from interlock.config.trust import PRIVATE_FILE, PRIVATE_FOLDER, file_problems, folder_problems

# Linux keeps 108 bytes for the path of a socket, the zero at its end among them (unix(7)).
SOCKET_PATH_MAX: Final = 107

_SHORT_ROOT: Final = Path("/tmp")  # noqa: S108 - the folder in it is checked like every other
_JOURNAL_ENDS: Final = ("", "-wal", "-shm")  # SQLite's own files beside a database


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where everything is.

    Attributes:
        root: The home itself.
        config: The user's own files of settings.
        anchors: The folder of the journal's heads.
        logs: What processes write, beside the journal.
        venue: The simulated venue's own things.
        archive: What was put aside.
        incidents: What the watchdog saw and did.
        gateway: What the gateway keeps: people, alerts, its audit.
        secrets: Files with a secret each.
        sockets: Where the sockets are: the home, or a short folder when its path is too long.
        journal: The journal, unless it is in PostgreSQL.
        ballast: Room for the journal of a way out.
        heads: The journal's heads, a line each.
        latch: The kill latch.
        progress: How far the engine is, for the watchdog.
        engine_lock: Held by the one engine.
        engine_socket: Where the engine listens.
        venue_book: The simulated venue's orders, fills and balances.
        venue_lock: Held by the one simulated venue.
        venue_socket: Where the simulated venue listens.
        gateway_db: People, sessions, alerts, the audit.
        projection_db: What the journal says, arranged for reading; it can be made again.
        audit_log: The audit, a line each.
        webhook_secret: What webhooks show that do not come from this machine.
        admin_code: What the first person of the dashboard shows, while there is none.
    """

    root: Path
    config: Path
    anchors: Path
    logs: Path
    venue: Path
    archive: Path
    incidents: Path
    gateway: Path
    secrets: Path
    sockets: Path
    journal: Path
    ballast: Path
    heads: Path
    latch: Path
    progress: Path
    engine_lock: Path
    engine_socket: Path
    venue_book: Path
    venue_lock: Path
    venue_socket: Path
    gateway_db: Path
    projection_db: Path
    audit_log: Path
    webhook_secret: Path
    admin_code: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder, the home first."""
        each = (
            self.root,
            self.config,
            self.anchors,
            self.logs,
            self.venue,
            self.archive,
            self.incidents,
            self.gateway,
            self.secrets,
        )
        return (*each, self.sockets) if self.sockets != self.root else each

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is for this user alone, whether it is there or not."""
        databases = (
            base.with_name(base.name + end)
            for base in (self.journal, self.venue_book, self.gateway_db, self.projection_db)
            for end in _JOURNAL_ENDS
        )
        others = (self.ballast, self.heads, self.latch, self.progress, self.engine_lock)
        sockets = (self.engine_socket, self.venue_socket)
        secrets = (self.webhook_secret, self.admin_code, self.audit_log)
        return (*databases, *others, self.venue_lock, *sockets, *secrets)

    def problems(self) -> Iterator[str]:
        """Yield why something that is there may not be used."""
        for folder in self.folders:
            yield from folder_problems(folder)
        for file in self.files:
            yield from file_problems(file)
        if self.secrets.is_dir():
            others = set(self.secrets.iterdir()) - set(self.files)
            for file in sorted(others):  # everything there is one, whatever it is called
                yield from file_problems(file)

    def check(self) -> None:
        """Refuse a home that others can change or read; it makes nothing.

        Raises:
            PolicyError: Every problem.
        """
        found = tuple(self.problems())
        if found:
            raise PolicyError(*found)

    def make(self) -> None:
        """Make every folder for this user alone, and refuse what others can change or read.

        Raises:
            PolicyError: Every problem; or a folder could not be made.
        """
        self.check()
        for folder in self.folders:
            try:
                # An intermediate folder is as the user's umask says; the home and below is private.
                folder.mkdir(mode=PRIVATE_FOLDER, parents=folder == self.root, exist_ok=True)
            except OSError as error:
                raise PolicyError(
                    f"{folder}: cannot be made: {error.strerror}. Next: set INTERLOCK_HOME to a "
                    "folder of yours."
                ) from error
        self.check()


def home_of(settings: Settings) -> Home:
    """Return where everything is under the home; nothing is made or looked at."""
    root = settings.home
    venue, gateway, secrets = root / "venue", root / "gateway", root / "secrets"
    sockets, engine_socket, venue_socket = _sockets(root)
    return Home(
        root=root,
        config=root / "config",
        anchors=root / "anchors",
        logs=root / "logs",
        venue=venue,
        archive=root / "archive",
        incidents=root / "incidents",
        gateway=gateway,
        secrets=secrets,
        sockets=sockets,
        journal=root / "journal.db",
        ballast=root / "ballast",
        heads=root / "anchors" / "heads.jsonl",
        latch=root / "latch.json",
        progress=root / "progress",
        engine_lock=root / "engine.lock",
        engine_socket=engine_socket,
        venue_book=venue / "venue.db",
        venue_lock=venue / "venue.lock",
        venue_socket=venue_socket,
        gateway_db=gateway / "gateway.db",
        projection_db=gateway / "projection.db",
        audit_log=root / "logs" / "audit.log",
        webhook_secret=secrets / "webhook-secret",
        admin_code=secrets / "admin-code",
    )


def _sockets(root: Path) -> tuple[Path, Path, Path]:
    """Return the folder of the sockets and both sockets.

    A path longer than the system's limit cannot be listened on. The sockets of such a home are in a
    folder that every process of this user finds by the home's name alone.
    """
    engine, venue = root / "engine.sock", root / "venue" / "venue.sock"
    if max(len(os.fsencode(path)) for path in (engine, venue)) <= SOCKET_PATH_MAX:
        return root, engine, venue
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    short = _SHORT_ROOT / f"interlock-{os.geteuid()}-{name}"
    return short, short / "engine.sock", short / "venue.sock"


def write_first_config(home: Home) -> Path | None:
    """Write the user's own ``interlock.toml`` if there is none; return it if it was written.

    It is a copy of the shipped file, comments and all. The policy files are not copied: what they
    do not say stays as shipped, also after an update.

    Raises:
        PolicyError: It cannot be written.
    """
    path = home.config / SYSTEM_NAME
    if os.path.lexists(path):
        return None
    raw = (resources.files("interlock.config") / "shipped" / SYSTEM_NAME).read_bytes()
    # A file that is cut off would hold other settings than it seems to: it appears whole or not.
    draft = path.with_name(f".{SYSTEM_NAME}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(
            draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return None  # another process was first
        finally:
            draft.unlink()
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written: {error.strerror}.") from error
    return path
