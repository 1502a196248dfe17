"""The account that a probe is judged by: ours, or the numbers that came with the question."""

from interlock.kernel.records import Row
from interlock.kernel.units import PPM, UNITS_MAX
from interlock.runtime.amounts import amount
from interlock.runtime.entries import Said
from interlock.runtime.probe_request import Supplied
from interlock.runtime.readable import decimal_text


def _grown(units: int, over: int, under: int) -> int:
    """Return units * over / under, rounded up, as large as the kernel takes at most."""
    return min(-(-units * over // under), UNITS_MAX)


def suppose(view: Row, supplied: Supplied, side: int, notes: list[str]) -> None:
    """Put another account's numbers in the place of the view's."""
    real, peak = int(view["equity_units"]), int(view["peak_units"])
    equity = supplied.equity_units
    if equity is not None:
        lost = int(view["day_start_units"]) - real
        for name in ("cash_free_units", "margin_free_units"):
            view[name] += equity - real
        view["equity_units"] = equity
        view["day_start_units"] = max(equity + lost, 0)
        view["peak_units"] = _grown(equity, peak, real) if real > 0 else equity
        notes.append("account_equity was supplied; its fall from the peak is taken as ours.")
    equity = int(view["equity_units"])
    if supplied.loss_ppm is not None:
        view["day_start_units"] = _grown(max(equity, 0), PPM, PPM - supplied.loss_ppm)
        view["peak_units"] = max(int(view["peak_units"]), int(view["day_start_units"]))
        notes.append("daily_loss_pct was supplied, as a part of what there was at its begin.")
    if supplied.exposure_units is not None:
        exposure = supplied.exposure_units
        for name in ("gross_units", "exposure_units"):
            view[name] = exposure
        view["net_units"] = side * exposure
        view["pending_buy_units"] = view["pending_sell_units"] = 0
        for name in ("cash_free_units", "margin_free_units"):
            view[name] = equity - exposure
        notes.append("total_margin_exposure was supplied, and is taken to be on the order's side.")


def account_said(view: Row) -> Said:
    """Return the numbers that it was judged by."""
    start, equity = int(view["day_start_units"]), int(view["equity_units"])
    lost_ppm = (start - equity) * PPM // start if start > 0 else 0
    return {
        "account_equity": amount(equity),
        "total_margin_exposure": amount(int(view["exposure_units"])),
        "daily_loss_pct": decimal_text(lost_ppm, 4),
    }
