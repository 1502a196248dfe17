"""Everything is read at once: all of it holds, or what held before goes on holding."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.config.check import check_file
from interlock.config.compare import compare
from interlock.config.errors import PolicyError
from interlock.config.everything import (
    Configuration,
    changed_keys,
    read_everything,
    with_changes,
)
from interlock.config.load import leaves
from interlock.config.settings import BREAKERS_NAME, POLICY_NAME, SYSTEM_NAME, Settings
from tests.config.samples import BREAKERS, POLICY, SYSTEM, system_of


def a_home(folder: Path, **files: str) -> Settings:
    """Return a home with files in it: ``policy``, ``breakers`` and ``system``."""
    own = folder / "config"
    own.mkdir(exist_ok=True)
    names = {"policy": POLICY_NAME, "breakers": BREAKERS_NAME, "system": SYSTEM_NAME}
    for kind, text in files.items():
        (own / names[kind]).write_text(text)
    return Settings(home=folder)


def test_without_files_the_shipped_ones_hold(tmp_path: Path) -> None:
    found = read_everything(Settings(home=tmp_path))

    assert (found.system, found.policy, found.breakers) == (SYSTEM, POLICY, BREAKERS)
    assert found.sources == tuple(
        f"shipped {name}" for name in (SYSTEM_NAME, POLICY_NAME, BREAKERS_NAME)
    )
    assert "interlock.toml: data.speed" in found.defaulted
    assert not list(tmp_path.iterdir())


def test_the_homes_own_files_hold_and_the_digest_says_so(tmp_path: Path) -> None:
    before = read_everything(Settings(home=tmp_path)).digest

    digests = {before}
    for kind, text in (
        ("policy", "risk: {max_drawdown: 0.01}"),
        ("breakers", "[circuit_breakers.drawdown]\nthreshold_pct = 2.5"),
        ("system", '[data]\nspeed = "max"'),
    ):
        digests.add(read_everything(a_home(tmp_path, **{kind: text})).digest)

    assert len(digests) == 4
    found = read_everything(Settings(home=tmp_path))
    assert str(found.policy.risk.max_drawdown) == "0.01"
    assert found.sources[1] == str(tmp_path / "config" / POLICY_NAME)


def test_a_configuration_may_name_the_other_files(tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text("risk: {max_drawdown: 0.01}")
    config = tmp_path / "mine.toml"
    config.write_text(f'[files]\npolicy = "{policy}"')

    found = read_everything(a_home(tmp_path, policy="risk: {max_drawdown: 0.02}"), config)

    assert str(found.policy.risk.max_drawdown) == "0.01"
    assert found.sources[:2] == (str(config), str(policy))


def test_every_problem_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    home = a_home(
        tmp_path,
        policy="risk: {max_drawdown: 7}\nfoo: 1",
        breakers="[circuit_breakers.drawdown]\nenabled = 1",
        system='[data]\nspeed = "quick"',
    )
    (tmp_path / "config" / SYSTEM_NAME).chmod(0o666)

    with pytest.raises(PolicyError) as refused:
        read_everything(home)

    files = [problem.split(":")[0].rsplit("/", 1)[-1] for problem in refused.value.problems]
    assert files == [SYSTEM_NAME, POLICY_NAME, POLICY_NAME, BREAKERS_NAME, SYSTEM_NAME]
    assert "not everybody may write to, was mode 0666" in refused.value.problems[-1]


def test_a_file_that_was_named_and_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.toml: cannot be read: No such file"):
        read_everything(Settings(home=tmp_path), tmp_path / "none.toml")


# --- the command line -------------------------------------------------------------------------


def test_the_command_line_comes_first_and_is_checked_as_a_file_is(tmp_path: Path) -> None:
    home = a_home(tmp_path, system='[data]\nspeed = "1x"')

    found = read_everything(home, changes={"data.speed": "max", "data.bars": ["/a.csv"]})

    assert (found.system.data.speed, found.system.data.bars) == ("max", ("/a.csv",))
    assert "interlock.toml: data.bars" not in found.defaulted
    assert "interlock.toml: data.repair" in found.defaulted
    with pytest.raises(PolicyError) as refused:
        read_everything(home, changes={"data.speed": "quick", "data.symbols": ["A", "B"]})
    assert [problem.split(" must")[0] for problem in refused.value.problems] == [
        "command line: data.speed"
    ]


def test_a_change_that_disagrees_with_the_file_is_refused() -> None:
    with pytest.raises(PolicyError) as refused:
        with_changes(SYSTEM, {"data.symbols": ["A", "B"]})

    assert refused.value.problems == (
        "command line: data: symbols (2) must be none, or one for each of bars (1).",
    )


def test_keys_that_hold_from_the_next_start_on_are_named() -> None:
    other = system_of('[data]\nspeed = "max"\n[strategy.parameters]\nfast = 5\n[logs]\nkeep = 2')

    assert changed_keys(SYSTEM, other) == (
        "data.speed",
        "logs.keep",
        "strategy.parameters.fast",
    )
    assert changed_keys(other, other) == ()


# --- reloading --------------------------------------------------------------------------------


class Engine:
    """The rule of every reload: what holds is replaced whole, or not at all."""

    def __init__(self, home: Settings) -> None:
        self.home = home
        self.holds: Configuration = read_everything(home)

    def reload(self) -> bool:
        try:
            new = read_everything(self.home)
        except PolicyError:
            return False
        self.holds = new
        return True


PIECES = st.sampled_from(
    [
        *(b"risk: {max_drawdown: ", b"0.01", b"}", b"-1", b".nan", b"1e400", b"none", b"\n", b"["),
        *(b"[data]\n", b'speed = "max"', b"speed = nan", b"[account]\ncash = ", b"99", b"inf"),
        *(b"[circuit_breakers.drawdown]\n", b"threshold_pct = ", b"2.5", b"enabled = 0", b"x: 1"),
        *(b"\x00", b"\xff", b"&a", b"*a", b'mode = "live"', b"]", b"{", b"=", b"# "),
    ]
)
RAW = st.one_of(st.binary(max_size=80), st.lists(PIECES, max_size=6).map(b"".join))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_says_the_old_configuration_holds_or_a_whole_new_one(
    tmp_path: Path, data: st.DataObject
) -> None:
    home = a_home(tmp_path)
    for path in (tmp_path / "config").iterdir():
        path.unlink()
    engine = Engine(home)
    before, digest = engine.holds, engine.holds.digest
    names = st.sampled_from([POLICY_NAME, BREAKERS_NAME, SYSTEM_NAME])
    for name in data.draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        (tmp_path / "config" / name).write_bytes(data.draw(RAW))

    if engine.reload():
        whole = engine.holds
        assert read_everything(home).digest == whole.digest
        compare((before.policy, before.breakers), (whole.policy, whole.breakers))
    else:
        assert engine.holds is before
    assert before.digest == digest


def test_every_key_of_the_configuration_changes_the_digest(tmp_path: Path) -> None:
    """What is not in the digest could be changed without a trace in the journal."""
    found = read_everything(Settings(home=tmp_path)).content().decode()

    for key, _ in leaves(SYSTEM.model_dump()):
        assert f'"{key.rsplit(".", 1)[-1]}":' in found


# --- checking ---------------------------------------------------------------------------------


def test_a_configuration_is_checked_like_the_other_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[data]\nspeed = "max"')

    lines = check_file(path).lines()

    assert lines[0].startswith(f"OK {path}: configuration, digest ")
    assert '    journal.url = ""' in lines
    assert "    data.bars = [sample:GOOG]" in lines
    assert "    account.cash = 100000" in lines
    assert not any("data.speed" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("mine.toml", '[account]\nmode = "live"', "configuration"),
        ("interlock.toml", "[acount]\nname = 5", "configuration"),
        ("mine.toml", "[acount]\nname = 5", "circuit breakers"),
        ("mine.toml", "[circuit_breakers.drawdwn]\nx = 5", "circuit breakers"),
        ("interlock.toml", "", "circuit breakers"),
    ],
)
def test_a_file_is_what_its_keys_or_else_its_name_say(
    tmp_path: Path, name: str, text: str, kind: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    report = check_file(path)

    assert not report.ok
    assert report.kind == kind
