# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""What a row of the table is made of."""

import dataclasses
import statistics

CONTESTANTS = ("sluice", "libfcgi 1", "libfcgi N", "ceiling", "Go", "AnyEvent::FCGI",
               "fcgiwrap", "lighttpd", "Apache")


@dataclasses.dataclass
class Result:
    """One row: text for its cells, and what was measured, for --json."""

    key: str
    figure: str
    reach: str = ""
    aim: str = ""
    table: str = "libfcgi"  # in which it is a line
    cells: dict = dataclasses.field(default_factory=dict)
    ratio: str = ""
    verdict: str = ""
    details: list = dataclasses.field(default_factory=list)
    data: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Settings:
    """How long and how often."""

    rounds: int = 15
    seconds: float = 0.7
    slow_rounds: int = 3
    slow_seconds: float = 8.0
    gib: float = 2.0
    spawn_runs: int = 20
    trace_allocations: str = ""
    contestants: tuple = CONTESTANTS


def median(values):
    return statistics.median(values) if values else None


def verdict(reached, aimed=None):
    """Words for the last column. aimed None: the row has no aim beyond its reach."""
    if aimed:
        return "aim met"
    if reached:
        return "reached" if aimed is not None else "met"
    return "**short**"


def kib(value):
    return f"{value / 1024:.1f} MiB" if abs(value) >= 1024 else f"{value:.0f} KiB"


def number(value):
    """Three figures that matter, for a cell."""
    if value >= 1000:
        return count(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def count(value):
    if value >= 1e6:
        return f"{value / 1e6:.1f} M"
    return f"{value / 1e3:.1f} k" if value >= 1e3 else f"{value:.0f}"
