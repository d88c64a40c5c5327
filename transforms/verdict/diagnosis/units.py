"""Factors between units, and what time of day and directions go around."""

from __future__ import annotations

from collections.abc import Mapping

# Factors from one unit to another, with what they are mostly about.
FACTORS: Mapping[float, str] = {
    1.609344: "kilometres for miles?",
    1 / 1.609344: "miles for kilometres?",
    255.0: "0..255 where training has 0..1?",
    1 / 255.0: "divided by 255 once more?",
    1000.0: "thousandths of the unit?",
    1 / 1000.0: "thousands of the unit?",
    100.0: "percent for a fraction, or cents?",
    1 / 100.0: "a fraction for percent?",
    60.0: "seconds for minutes, or minutes for hours?",
    1 / 60.0: "minutes for seconds, or hours for minutes?",
    3600.0: "seconds for hours?",
    1 / 3600.0: "hours for seconds?",
    24.0: "hours for days?",
    1 / 24.0: "days for hours?",
    0.3048: "metres for feet?",
    1 / 0.3048: "feet for metres?",
    2.54: "centimetres for inches?",
    1 / 2.54: "inches for centimetres?",
    0.45359237: "kilograms for pounds?",
    1 / 0.45359237: "pounds for kilograms?",
    1e6: "millionths of the unit?",
    1e-6: "millions of the unit?",
    -1.0: "the sign is turned?",
}
PERIODS: Mapping[float, tuple[float, str]] = {
    24.0: (1.0, "hours"),
    1440.0: (60.0, "minutes"),
    86400.0: (3600.0, "seconds"),
    2400.0: (100.0, "hhmm"),
    7.0: (1.0, "days"),
    360.0: (15.0, "degrees"),
}
