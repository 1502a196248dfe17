"""The colours of the pages can be told apart from what they stand on, light and dark."""

import re
from importlib import resources
from itertools import product

import pytest

LEAST = 4.5  # WCAG 2.2, 1.4.3: of text against its ground
LEAST_OF_SHAPES = 3.0  # 1.4.11: of what has to be seen to know a field or a mark
WHITE = "#ffffff"
TEXTS = ("text", "quiet", "accent", "gain", "loss", "warn")
GROUNDS = ("page", "card", "sunk")
TINTED = (
    ("gain", "gain-page"),
    ("loss", "loss-page"),
    ("warn", "warn-page"),
    ("info", "info-page"),
)
STATES = ("state-ok", "state-warn", "state-bad", "state-unknown", "danger")


def colours() -> dict[str, dict[str, str]]:
    """Return the colours of both schemes by name, as the style sheet has them."""
    css = resources.files("interlock.service.web").joinpath("static", "base.css").read_text()
    light, dark, chosen = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root[^{]*\{([^{}]*--page[^{}]*)\}", css)
    )
    assert dark == chosen, "what the system chooses and what a person chooses is the same dark"
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``. Source: WCAG 2.2, definitions."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str) -> None:
    found = colours()[scheme]
    pairs = [*product(TEXTS, GROUNDS), *TINTED, ("on-accent", "accent"), ("text", "loss-page")]
    pairs += [("text", "gain-page"), ("text", "info-page"), ("accent", "info-page")]

    for text, ground in pairs:
        assert contrast(found[text], found[ground]) >= LEAST, (text, ground)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_trading_state_is_readable(scheme: str) -> None:
    found = colours()[scheme]

    for ground in STATES:
        assert contrast(WHITE, found[ground]) >= LEAST, ground


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fields_and_marks_are_seen(scheme: str) -> None:
    found = colours()[scheme]

    for shape in ("edge", "entry", "stop-mark", "gain", "loss"):
        assert contrast(found[shape], found["card"]) >= LEAST_OF_SHAPES, shape
