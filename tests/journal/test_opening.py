"""A path or a URL says which store it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from interlock.journal.errors import JournalError
from interlock.journal.opening import is_server, open_store
from interlock.journal.sqlite import SqliteStore

LOADS = """
import sys
from pathlib import Path
from interlock.journal.opening import open_store
open_store(Path(sys.argv[1]) / "journal.db", account="paper").close()
print("psycopg" in sys.modules)
"""


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_is_a_file(tmp_path: Path, *, as_text: bool) -> None:
    path = tmp_path / "journal.db"
    store = open_store(str(path) if as_text else path, account="paper")
    assert isinstance(store, SqliteStore)
    store.close()

    reader = open_store(path, account="paper", read_only=True)
    assert reader.name == str(path)
    reader.close()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_url_is_a_server_and_its_password_is_never_repeated(scheme: str) -> None:
    url = f"{scheme}://interlock:opensesame@127.0.0.1:1/journal?connect_timeout=1"
    assert is_server(url)

    with pytest.raises(JournalError) as caught:
        open_store(url, account="paper")
    assert "opensesame" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_journal_in_a_file_loads_no_database_driver(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADS, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert found.stdout == "False\n"
