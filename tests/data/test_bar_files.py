"""A file of bars is read as what it is, or refused in one clear sentence; never guessed at."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.bars import BarSet, check_together, load_bars, load_sample, sample_path
from interlock.data.columns import choose_columns
from interlock.data.errors import BarError
from interlock.data.instruments import load_instruments
from tests.data.makers import DAY_NS, HEADER, MINUTE_NS, bars_at, frame_of, ns, write

GOOD = f"""
{HEADER}
2024-01-01 00:00:00,100,101,99,100.5,3
2024-01-01 00:05:00,100.5,102,100,101.25,0
2024-01-01 00:10:00,101.25,101.5,101,101,2.5
"""
SHIPPED = Path("src/interlock/config/shipped/instruments.yaml")


def read(path: Path, **options: object) -> BarSet:
    return load_bars(path, instruments={}, **options)  # type: ignore[arg-type]


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(BarError) as caught:
        read(path, **options)
    return str(caught.value)


def check(folder: Path, lines: str, *expected: str) -> None:
    """Read a text file that must be refused with all of these words."""
    said = refusal(write(folder, lines))
    for words in (str(folder), *expected):
        assert words in said, said


def test_prices_become_whole_numbers_of_the_fewest_digits(tmp_path: Path) -> None:
    found = read(write(tmp_path, GOOD))

    assert found.symbol == "BTC_USDT"
    assert found.instrument.price_digits == 2
    assert found.open.tolist() == [10000, 10050, 10125]
    assert found.high.tolist() == [10100, 10200, 10150]
    assert found.low.tolist() == [9900, 10000, 10100]
    assert found.close.tolist() == [10050, 10125, 10100]
    assert found.volume.tolist() == [30_000_000, 0, 25_000_000]  # seven digits for a price of 100
    assert found.open_ns[0] == ns("2024-01-01 00:00:00")
    assert (found.close_ns - found.open_ns).tolist() == [5 * MINUTE_NS] * 3
    assert found.period_ns == 5 * MINUTE_NS
    assert found.volume_known
    assert found.repairs == {}
    assert found.frame.columns == ["ts", "open", "high", "low", "close", "volume"]
    assert found.frame["close"].to_list() == [100.5, 101.25, 101.0]


def test_every_format_gives_the_same_bars(tmp_path: Path) -> None:
    text = write(tmp_path, GOOD)
    frame = read(text).frame
    zipped = tmp_path / "BTC_USDT-a.csv.gz"
    zipped.write_bytes(gzip.compress(text.read_bytes()))
    frame.write_parquet(tmp_path / "BTC_USDT-b.parquet")
    frame.write_ipc(tmp_path / "BTC_USDT-c.feather")
    frame.write_parquet(tmp_path / "BTC_USDT-d.csv")  # the name is wrong and the content right
    tabs = write(tmp_path, GOOD.replace(",", "\t"), "BTC_USDT-e.csv")
    semicolons = write(tmp_path, GOOD.replace(",", ";"), "BTC_USDT-f.txt")
    bom = tmp_path / "BTC_USDT-g.csv"
    bom.write_bytes(b"\xef\xbb\xbf" + text.read_bytes().replace(b"\n", b"\r\n"))

    others = [zipped, tabs, semicolons, bom, *sorted(tmp_path.glob("BTC_USDT-[bcd].*"))]
    hashes = {read(path, symbol="X").sha256() for path in (text, *others)}

    assert len(others) == 7
    assert len(hashes) == 1


def test_the_hash_sees_every_number_and_no_index(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    found = read(path)
    before = found.sha256()
    found.bars["instrument"] = 7
    assert found.sha256() == before
    for name in ("close_ns", "open_ns", "open", "high", "low", "close", "volume"):
        other = read(path)
        other.bars[name][1] += 1
        assert other.sha256() != before, name
    assert read(path, symbol="ETH_USDT").sha256() != before


def test_headers_are_found_whatever_their_case_and_order(tmp_path: Path) -> None:
    found = read(
        write(
            tmp_path,
            """
            Volume,CLOSE,Low,High,Open,Timestamp,ask_close
            3,100.5,99,101,100,2024-01-01,7
            3,100.5,99,101,100,2024-01-02,7
            """,
        )
    )
    assert found.close.tolist() == [1005, 1005]
    assert "Columns that are not used: ask_close." in found.notes


def test_blank_lines_are_passed_over_and_said(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    before = read(path).sha256()
    path.write_text(path.read_text().replace("\n", "\n\n", 2) + "\n")
    found = read(path)
    assert found.sha256() == before
    assert "Blank lines that were passed over: 3." in found.notes


def test_a_column_without_a_name_is_the_time(tmp_path: Path) -> None:
    lines = """
        ,Open,High,Low,Close,Volume
        2024-01-02,100,101,99,100,1
        2024-01-03,100,101,99,100,1
        """
    found = read(write(tmp_path, lines, "GOOG.csv"))
    assert found.close_ns.tolist() == [ns("2024-01-02T21:00"), ns("2024-01-03T21:00")]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("ts open high low close", "missing was volume"),
        ("open high low close volume", "missing was ts"),
        ("ts open High high low close volume", "one column high, had 2: 'High', 'high'"),
        ("date time open high low close volume", "had 2: 'date', 'time'"),
        ("1.5 2 3 4 5 6", "The first line was numbers"),
        ("ts bid_open bid_high bid_low bid_close bid_size", "These are quotes"),
        ("ts price qty", "These are ticks"),
    ],
)
def test_columns_are_chosen_by_name_or_refused(names: str, words: str) -> None:
    with pytest.raises(BarError, match=words):
        choose_columns(Path("a.csv"), names.split())


def test_a_bad_row_is_named_with_its_value(tmp_path: Path) -> None:
    """One row at a time in a good file; the message names file, row, rule and value."""
    table = """
        2024-01-01 00:05:00,100,101,99,,1      | row 2 | every price must be a finite number | None
        2024-01-01 00:05:00,100,101,99,nan,1   | row 2 | every price must be a finite number | nan
        2024-01-01 00:05:00,100,inf,99,100,1   | row 2 | every price must be a finite number | inf
        2024-01-01 00:05:00,100,101,99,x,1     | row 2 | close must be a number | 'x'
        2024-01-01 00:05:00,100,101,0,100,1    | row 2 | above zero | low 0.0
        2024-01-01 00:05:00,100,101,-1,100,1   | row 2 | above zero | low -1.0
        2024-01-01 00:05:00,100,99,101,100,1   | row 2 | high must not be below low | high 99.0
        2024-01-01 00:05:00,102,101,99,100,1   | row 2 | between low and high | open 102.0
        2024-01-01 00:05:00,100,101,99,98.9,1  | row 2 | between low and high | close 98.9
        2024-01-01 00:05:00,100,101,99,100,-1  | row 2 | zero or more | volume -1.0
        2024-01-01 00:05:00,100,101,99,100,    | row 2 | zero or more | volume None
        2024-01-01 00:05:00,100,101,99,100,nan | row 2 | zero or more | volume nan
        2024-01-01 00:00:00,100,101,99,100,1   | row 2 | times must rise | there twice
        2023-12-31 00:00:00,100,101,99,100,1   | row 2 | times must rise | comes after
        ,100,101,99,100,1                      | row 2 | time must | None
        2024-01-01,100,101,99,100,1            | row 2 | written like row 1 | '2024-01-01'
        tomorrow,100,101,99,100,1              | row 2 | written like row 1 | 'tomorrow'
        2024-01-01T00:05:00Z,100,101,99,100,1  | row 2 | the same zone | had Z
        2024-01-01 00:05:00,100,101,99,100     | row 2 | 6 fields | had 5
        2024-01-01 00:05:00,100,5,101,99,100,1 | row 2 | 6 fields | had 7
        2024-01-01 00:05:00,2e5,2e12,1,1e5,1   | row 2 | 2^40 units | was 2e+12
        """
    for line in table.strip().splitlines():
        row, *expected = (part.strip() for part in line.split("|"))
        lines = f"""
            {HEADER}
            2024-01-01 00:00:00,100,101,99,100,1
            {row}
            2024-01-01 00:10:00,100,101,99,100,1
            """
        check(tmp_path, lines, *expected)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("A.csv", b"", "empty (0 bytes)"),
        ("A.parquet", b"", "empty (0 bytes)"),
        ("A.csv", HEADER.encode() + b"\n", "a header and no rows"),
        ("A.parquet", b"PAR1" + b"x" * 99 + b"PAR1", "could not be read as Parquet"),
        ("A.parquet", b"ts,open\n1,2\n", "was none of them"),
        ("A.feather", b"ARROW1\0\0" + b"x" * 99, "could not be read as Feather"),
        ("A.feather", b"FEA1", "Feather version 1"),
        ("A.csv.gz", b"\x1f\x8b\x08\x00broken", "could not be read as gzipped CSV"),
        ("A.csv", b"ts,open\0\0\0", "was none of them"),
        ("A.csv", HEADER.encode() + b"\n\xff\xfe,1,1,1,1,1\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_file_of_bars_is_refused(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "A.csv")
    assert "was a folder" in refusal(tmp_path)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    frame_of([]).write_parquet(tmp_path / "A.parquet")
    assert "no rows" in refusal(tmp_path / "A.parquet")


def test_a_single_bar_has_no_period(tmp_path: Path) -> None:
    frame_of([0]).write_parquet(tmp_path / "A.parquet")
    assert "at least 2 bars" in refusal(tmp_path / "A.parquet")


def test_a_file_of_funding_rates_is_no_file_of_bars(tmp_path: Path) -> None:
    lines = f"""
        {HEADER}
        2024-01-01 00:00:00,0.0001,0,0,0,0
        2024-01-01 08:00:00,0.0001,0,0,0,0
        """
    check(tmp_path, lines, "above zero", "2 of 2 rows", "funding rates")


def test_a_file_of_mark_prices_has_no_volume(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1h-mark.parquet"
    frame = frame_of([0, DAY_NS]).with_columns(pl.lit(None, pl.Float64).alias("volume"))
    frame.write_parquet(path)
    assert "mark prices" in refusal(path)


def test_newest_first_is_said(tmp_path: Path) -> None:
    lines = f"""
        {HEADER}
        2024-01-01 00:05:00,100,101,99,100,1
        2024-01-01 00:00:00,100,101,99,100,1
        """
    check(tmp_path, lines, "newest first", "--repair")


def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "A.csv"
    with path.open("wb") as file:
        file.write(GOOD.strip().encode() + b"\n" + b"2024-01-01,1,1,1,1,1\n" * 4_000)
        file.truncate(10 * 10**9)  # 10 GB that take no room on the disk
    said = refusal(path, available_bytes=2 * 10**9)
    assert "10.0 GB on disk" in said
    assert "2.0 GB was available" in said
    frame_of(list(range(0, 1000 * DAY_NS, DAY_NS))).write_parquet(tmp_path / "B.parquet")
    assert "1,000 bars" in refusal(tmp_path / "B.parquet", available_bytes=100_000)


def test_all_zero_volume_is_unknown_volume(tmp_path: Path) -> None:
    frame_of([0, DAY_NS], volume=0.0).write_parquet(tmp_path / "BTC_USDT.parquet")
    found = read(tmp_path / "BTC_USDT.parquet")
    assert not found.volume_known
    assert any("volume is unknown" in note for note in found.notes)


def test_volume_is_rounded_down_and_capped(tmp_path: Path) -> None:
    lines = f"""
        {HEADER}
        2024-01-02,100,101,99,100,2.9
        2024-01-03,100,101,99,100,3
        2024-01-04,100,101,99,100,1e30
        """
    found = read(write(tmp_path, lines, "SPY.csv"))
    assert found.volume.tolist() == [2, 3, 2**40]
    assert any("cut down to whole lots" in note for note in found.notes)
    assert any("capped" in note for note in found.notes)


def test_the_sample_bars_are_read_and_never_imported() -> None:
    import sys  # noqa: PLC0415 - what this test is about

    known = load_instruments(SHIPPED)
    google, euro = (
        load_sample("sample:GOOG", instruments=known),
        load_sample("EURUSD", instruments=known),
    )
    assert "backtesting" not in sys.modules
    assert (len(google), google.period_ns, google.instrument.known) == (2148, DAY_NS, True)
    assert (len(euro), euro.period_ns) == (5000, 3_600 * 10**9)
    assert google.open[0] == 1_000_000
    assert google.close_ns[0] == ns("2004-08-19T20:00")


def test_an_unknown_sample_is_refused() -> None:
    with pytest.raises(BarError, match="GOOG, EURUSD, was AAPL"):
        sample_path("sample:AAPL")


def test_missing_samples_come_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.data.bars.util.find_spec", lambda _: None)
    with pytest.raises(BarError, match=r"pip install --require-hashes --no-deps -r requirements"):
        sample_path("sample:GOOG")


def test_one_account_has_one_quote_currency(tmp_path: Path) -> None:
    times = [0, DAY_NS]
    tether = bars_at(tmp_path, times, "BTC_USDT.parquet")
    euro = bars_at(tmp_path, times, "BTC_EUR.parquet")
    check_together([tether])
    with pytest.raises(BarError, match="BTC_USDT was in USDT and BTC_EUR in EUR"):
        check_together([tether, euro])
    with pytest.raises(BarError, match="BTC_USDT was in 2"):
        check_together([tether, tether])
    with pytest.raises(BarError, match="was 0"):
        check_together([])
    with pytest.raises(BarError, match="was 513"):
        check_together([tether] * 513)


@given(
    digits=st.integers(0, 8),
    ticks=st.lists(st.integers(1, 2**40), min_size=2, max_size=20),
)
def test_any_price_on_a_grid_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, digits: int, ticks: list[int]
) -> None:
    """Whatever the number of digits, the ticks of the file are the ticks of the bars."""
    frame = frame_of([n * DAY_NS for n in range(len(ticks))]).with_columns(
        pl.Series(name, np.array(ticks) / 10.0**digits) for name in ("open", "high", "low", "close")
    )
    path = tmp_path_factory.mktemp("bars") / "SPY.parquet"
    frame.write_parquet(path)

    found = read(path)

    fewest = found.instrument.price_digits
    assert fewest <= digits
    assert np.allclose(found.close / 10.0**fewest, frame["close"].to_numpy(), rtol=1e-9, atol=0)
    if any(n % 10 and n < 10**8 for n in ticks):  # above, 1e-9 of a price may be a tick
        assert fewest == digits
        assert found.close.tolist() == ticks


def test_prices_off_every_grid_are_refused_or_rounded(tmp_path: Path) -> None:
    path = tmp_path / "SPY.parquet"
    frame_of([0, DAY_NS], price=1 / 300).write_parquet(path)
    said = refusal(path)
    assert "row 1" in said
    assert "0.0033333333333333335" in said
    assert "at most 8 digits" in said
    found = read(path, repair=True)
    assert found.repairs == {"rounded_prices": 8}
    assert found.close.tolist() == [333_333] * 2
    assert found.frame["close"].to_list() == [0.00333333] * 2


def test_float_noise_is_not_off_the_grid(tmp_path: Path) -> None:
    path = tmp_path / "SPY.parquet"
    frame_of([0, DAY_NS], price=0.1 + 0.2).write_parquet(path)
    assert read(path).close.tolist() == [3, 3]


def test_a_known_instrument_keeps_its_own_grid(tmp_path: Path) -> None:
    known = load_instruments(SHIPPED)
    path = tmp_path / "BTCUSDT-5m.parquet"
    frame_of([0, DAY_NS], price=100.001).write_parquet(path)
    with pytest.raises(BarError, match=r"multiples of 10\^-2; close was 100.001, and 8 of 8"):
        load_bars(path, instruments=known)
    found = load_bars(path, instruments=known, repair=True)
    assert found.symbol == "BTC_USDT"
    assert found.close.tolist() == [10_000, 10_000]
