"""``interlock.toml``: what it may say, and what a person reads who wrote something wrong."""

from decimal import Decimal

import pytest

from interlock.config.addresses import shown_address
from interlock.config.canonical import model_bytes, model_digest
from interlock.config.errors import PolicyError
from interlock.config.speed import Speed, SpeedKind, read_speed
from tests.config.samples import SYSTEM, check_system, system_of

SPEED = "must be a speed such as 10bars/s, 1x, 60x or max (numbers from 0.001 to 1000000), was"
URL = "must be nothing (SQLite in the home), or postgresql://user@host/database, was"


def test_a_file_of_one_key_changes_that_key_alone() -> None:
    assert system_of('[data]\nspeed = "max"').data.speed == "max"
    assert system_of('[data]\nspeed = "10bars/s"') == SYSTEM


def test_what_the_shipped_file_says() -> None:
    """Paper trading, on stored bars, in SQLite, and nothing that leaves this machine."""
    assert SYSTEM.account.mode == "paper"
    assert SYSTEM.account.dry_run
    assert SYSTEM.data.source == "replay"
    assert SYSTEM.journal.url == ""
    assert SYSTEM.telemetry.otlp_endpoint == ""
    assert SYSTEM.journal.anchor_seconds <= 60
    assert SYSTEM.journal.anchor_events <= 1_000


def test_two_files_that_mean_the_same_have_one_digest() -> None:
    one = system_of('[data]\nspeed = "10.0 bars/s"\n[strategy.parameters]\nfast = 12\nslow = "26"')
    other = system_of('[strategy]\nparameters = {slow = 26, fast = "12"}')

    assert model_bytes(one) == model_bytes(other)
    assert model_digest(one) == model_digest(other)
    assert model_digest(one) != model_digest(SYSTEM)


def test_parameters_are_kept_as_people_write_them() -> None:
    parameters = system_of(
        """
        [strategy.parameters]
        fast = 12
        share = 0.50
        long_only = true
        how = "slowly"
        none = 0.0
        """
    ).strategy.parameters

    assert parameters == {
        "fast": "12",
        "share": "0.5",
        "long_only": "true",
        "how": "slowly",
        "none": "0",
    }


@pytest.mark.parametrize("mode", ["live", "testnet"])
def test_a_mode_that_could_lose_money_is_refused_and_never_replaced_by_paper(mode: str) -> None:
    check_system(
        f'[account]\nmode = "{mode}"',
        f"account.mode must be paper, was '{mode}': this version sends orders to the simulated "
        "venue and to no other. It never trades paper instead of what was asked for, so nothing "
        "was started.",
    )


@pytest.mark.parametrize(
    ("section", "line", "problem"),
    [
        ("account", 'mode = "papre"', "mode must be paper, was 'papre'; did you mean paper?"),
        (
            "account",
            'name = "My Account"',
            (
                "name must be a name of a-z, 0-9, - and _, at most 32 characters that begin with a "
                "letter or a digit, was 'My Account'."
            ),
        ),
        ("account", "name = 5", "name must be a name of a-z, 0-9, - and _, was 5."),
        (
            "account",
            'cash = "100000"',
            (
                "cash must be a number, was the text '100000': write it without quotes, "
                "underscores or leading zeros."
            ),
        ),
        (
            "account",
            "cash = 0",
            (
                "cash must be an amount in the account's currency, above 0 and at most 1000000000, "
                "was 0."
            ),
        ),
        ("account", "cash = nan", "cash must be a finite number, was NaN."),
        (
            "account",
            "cash = 0.000000001",
            (
                "cash must have at most 8 decimals (an amount in the account's currency), was "
                "0.000000001."
            ),
        ),
        ("data", 'source = "csv"', "source must be replay or live, was 'csv'."),
        ("data", 'speed = "fast"', f"speed {SPEED} 'fast'."),
        ("data", 'speed = "0x"', f"speed {SPEED} '0x'."),
        ("data", 'speed = "-1x"', f"speed {SPEED} '-1x'."),
        ("data", 'speed = "1e3x"', f"speed {SPEED} '1e3x'."),
        ("data", 'speed = "10bars/m"', f"speed {SPEED} '10bars/m'."),
        ("data", 'speed = "9999999x"', f"speed {SPEED} '9999999x'."),
        ("data", "speed = 10", "speed must be a speed such as 10bars/s, 1x, 60x or max, was 10."),
        (
            "data",
            'bars = "sample:GOOG"',
            "bars must be a list of absolute paths or sample: and a name, was 'sample:GOOG'.",
        ),
        (
            "data",
            'bars = ["bars/goog.csv"]',
            "bars must have absolute paths, or sample: and a name, was 'bars/goog.csv'.",
        ),
        (
            "data",
            'bars = ["/data/../etc/x"]',
            "bars must have absolute paths, or sample: and a name, was '/data/../etc/x'.",
        ),
        (
            "data",
            'bars = ["/a.csv", "/b.csv", "/a.csv"]',
            "bars must name each once, was '/a.csv' again.",
        ),
        ("data", "bars = [1]", "bars must be a path, was 1."),
        (
            "data",
            'time_zone = "America/Denwer"',
            (
                "time_zone must be a time zone like America/Denver, was 'America/Denwer'; did you "
                "mean America/Denver?"
            ),
        ),
        (
            "data.live",
            'symbols = ["BTC USDT"]',
            "symbols must have symbols such as BTC_USDT, was 'BTC USDT'.",
        ),
        (
            "data.live",
            'timeframe = "7m"',
            "timeframe must be 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h or 1d, was '7m'.",
        ),
        (
            "strategy",
            'name = "mine.py:Mine"',
            (
                "name must be the name of a built-in strategy, or an absolute path and a class "
                "such as /home/me/mine.py:Mine, was 'mine.py:Mine'."
            ),
        ),
        (
            "strategy",
            "parameters = 5",
            "parameters must be a table of `name = value`, was 5.",
        ),
        (
            "strategy",
            "parameters = {fast = [1]}",
            ("parameters must have text, numbers, true or false as values, was fast = a list."),
        ),
        (
            "strategy",
            "parameters = {fast = 1e30}",
            "parameters must have text, numbers, true or false as values, was fast = 1E+30.",
        ),
        (
            "strategy",
            'parameters = {"fa st" = 1}',
            "parameters must have names such as fast, was 'fa st'.",
        ),
        (
            "journal",
            'anchors = ["heads.jsonl"]',
            "anchors must be an absolute path without .. in it, was 'heads.jsonl'.",
        ),
        (
            "journal",
            "anchor_seconds = 61",
            "anchor_seconds must be seconds, at least 1 and at most 60, was 61.",
        ),
        (
            "journal",
            "anchor_events = 1001",
            "anchor_events must be events, at least 1 and at most 1000, was 1001.",
        ),
        (
            "journal",
            "market_retention_days = -1",
            "market_retention_days must be days, at least 0 and at most 36500, was -1.",
        ),
        ("engine", "inbox_reports = 100.0", "inbox_reports must be a whole number, was 100.0."),
        (
            "engine",
            "reconcile_seconds = 11",
            "reconcile_seconds must be seconds, at least 1 and at most 10, was 11.",
        ),
        ("logs", 'level = "trace"', "level must be debug, info, warning or error, was 'trace'."),
        (
            "telemetry",
            'otlp_endpoint = "collector:4318"',
            (
                "otlp_endpoint must be nothing (off), or https://host:port; http:// on this "
                "machine alone, was something else."
            ),
        ),
        (
            "telemetry",
            'otlp_endpoint = "http://10.0.0.5:4318"',
            (
                "otlp_endpoint must be https:// for another machine, was http:// to 10.0.0.5: "
                "traces name orders and positions."
            ),
        ),
        (
            "telemetry",
            'otlp_endpoint = "https://me:pw@collector"',
            ("otlp_endpoint must be an address alone, was one with a user, a query or a fragment."),
        ),
    ],
)
def test_a_wrong_value(section: str, line: str, problem: str) -> None:
    check_system(f"[{section}]\n{line}", f"{section}.{problem}")


def test_a_typing_error_names_the_key_that_was_meant() -> None:
    check_system(
        """
        [journal]
        anchor_secs = 5
        speed = "max"
        [engin]
        stop_seconds = 5
        """,
        "journal.anchor_secs is not a key; did you mean anchor_seconds? Keys here: anchor_events, "
        "anchor_seconds, anchors, ballast_mib, lease_seconds, market_retention_days, "
        "password_file, snapshot_events, url.",
        "journal.speed is not a key; did you mean data.speed? Keys here: anchor_events, "
        "anchor_seconds, anchors, ballast_mib, lease_seconds, market_retention_days, "
        "password_file, snapshot_events, url.",
        "engin is not a key; did you mean engine? Keys here: account, approvals, data, engine, "
        "files, gateway, journal, kill, logs, mail, notify, people.",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[account]\ndry_run = false",
            (
                "account: dry_run (false) must be true while mode is paper: it reaches no venue "
                "that could move money; as shipped: account.mode."
            ),
        ),
        (
            "[data]\nbars = []",
            (
                "data: bars (0) must name at least 1 file while source is replay; as shipped: "
                "data.source."
            ),
        ),
        (
            '[data]\nsource = "live"\nlive = {symbols = []}',
            "data: live.symbols (0) must name at least 1 symbol while source is live.",
        ),
        (
            '[data]\nsymbols = ["A", "B"]',
            ("data: symbols (2) must be none, or one for each of bars (1); as shipped: data.bars."),
        ),
        (
            '[journal]\npassword_file = "/p"',
            (
                "journal: password_file must be nothing while url is nothing: SQLite has no "
                "password; as shipped: journal.url."
            ),
        ),
        (
            "[engine]\nanswer_timeout_ms = 20000",
            (
                "engine.stop_seconds (10) must be at least engine.answer_timeout_ms (20000): a "
                "stop waits for every answer that may still come; as shipped: engine.stop_seconds."
            ),
        ),
    ],
)
def test_two_keys_that_disagree(text: str, problem: str) -> None:
    check_system(text, problem)


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@db/interlock",
        "postgresql://me@db:5432/interlock?sslmode=verify-full",
        "postgresql://me:@/interlock?host=/run/postgresql",
        "",
    ],
)
def test_a_journal_may_be_at_an_address_without_a_password(url: str) -> None:
    assert system_of(f'[journal]\nurl = "{url}"').journal.url == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://me@db/x", f"{URL} something else."),
        ("postgresql://me@db", f"{URL} something else."),
        ("postgresql://me@db:port/x", f"{URL} something else."),
        ("postgresql://[::1/x", f"{URL} something else."),
        ("host=db password=canary", f"{URL} something else."),
        ("postgresql:///x", f"{URL} one without a host."),
        ("postgresql://me:canary@db/x", None),
        ("postgresql://db/x?user=me&password=canary", None),
        ("postgresql://db/x?passfile=/canary", None),
    ],
)
def test_an_address_with_a_password_is_refused_and_never_repeated(
    url: str, problem: str | None
) -> None:
    with pytest.raises(PolicyError) as refused:
        system_of(f'[journal]\nurl = "{url}"')

    assert "canary" not in str(refused.value)
    assert refused.value.problems == (
        (
            f"f.toml: journal.url {problem}"
            if problem is not None
            else "f.toml: journal.url must not have a password in it, was one that has: everybody "
            "who reads the configuration or a log would read it. Put it in journal.password_file "
            "(mode 0600), in ~/.pgpass or where PGPASSFILE says."
        ),
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@db:5432/x?sslmode=require", "postgresql://me@db:5432/x"),
        ("postgresql://me:@/x?host=/run/postgresql", "postgresql://me@/x"),
        ("postgresql://db/x", "postgresql://db/x"),
    ],
)
def test_an_address_is_shown_without_its_options(url: str, shown: str) -> None:
    assert shown_address(url) == shown


# --- speeds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "speed", "minute_ns"),
    [
        ("10bars/s", Speed(kind=SpeedKind.BARS, rate=Decimal(10)), 100_000_000),
        ("1 bar/s", Speed(kind=SpeedKind.BARS, rate=Decimal(1)), 1_000_000_000),
        ("0.5bars/s", Speed(kind=SpeedKind.BARS, rate=Decimal("0.5")), 2_000_000_000),
        ("1x", Speed(kind=SpeedKind.TIMES, rate=Decimal(1)), 60_000_000_000),
        (" 60 x ", Speed(kind=SpeedKind.TIMES, rate=Decimal(60)), 1_000_000_000),
        ("max", Speed(kind=SpeedKind.MAX), 0),
    ],
)
def test_a_speed_says_how_long_to_wait(text: str, speed: Speed, minute_ns: int) -> None:
    assert read_speed(text) == speed
    assert speed.wait_ns(60_000_000_000) == minute_ns
    assert read_speed(str(speed)) == speed


def test_a_wrong_speed_on_the_command_line_names_its_option() -> None:
    with pytest.raises(PolicyError) as refused:
        read_speed("quick", source="--speed")
    assert refused.value.problems == (f"--speed {SPEED} 'quick'.",)
