# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Rows about unmodified CGI programs: `sluice run` beside fcgiwrap and the CGI modules of lighttpd and Apache."""

import dataclasses
import json
import subprocess
import sys

from .gateways import KINDS, BareCopy, Site
from .model import Result, median, number, verdict
from .others import Watch
from .rates import GIB, MOST_FOREIGN, RateRun, gib_per_s, requests, requests_per_s, streamed_gib
from .server import BenchError, on_core

PEERS = ("fcgiwrap", "lighttpd", "Apache")
CEILINGS = {"ceiling": "bare spawn", "pipe": "bare pipe", "copy": "bare copy"}
HELLO = "Hello, world!"


class Bare:
    """A ceiling that asks itself: it runs its program on the server's core, without a client."""

    def __init__(self, setup, mode, program, *options):
        self.setup = setup
        self.command = [setup.program("bare_cgi"), mode, *map(str, options)]
        self.program = str(Site(setup).program(program))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, *options):
        core = self.setup.server_core
        watch = Watch(self.setup)
        try:
            got = subprocess.run([*self.command, *map(str, options), self.program], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=130, check=False, preexec_fn=on_core(core))
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"bare_cgi {self.program}: not finished in time") from error
        if got.returncode != 0:
            raise BenchError(f"bare_cgi {self.program}: {got.stderr.strip()}")
        return watch.finish(json.loads(got.stdout))


@dataclasses.dataclass
class CgiRow:
    """What a RateRun wants to know, and what it is compared with."""

    key: str
    figure: str
    reach: float  # to fcgiwrap
    reach_of_best: float | None  # to the best of the three; None: only shown
    reach_text: str
    program: str
    unit: str = "requests/s"
    work_unit: str = "request"
    at_once: int = 1
    seconds: float = 1.0  # of a turn, to those of the other rows
    table: str = "cgi"

    value = staticmethod(requests_per_s)
    work = staticmethod(requests)

    def run(self, setup, settings):
        return CgiRun(self, setup, settings).run()

    def load(self, settings):
        return ("requests", self.program, "", "--expect-body", HELLO, "--connections", self.at_once, "--finish",
                "--seconds", settings.seconds * self.seconds)

    def ceilings(self, setup, _settings):
        yield "ceiling", Bare(setup, "spawn", self.program, "--expect-body", HELLO, "--at-once", self.at_once)

    def bare_load(self, load):
        return ("--seconds", load[load.index("--seconds") + 1])


class StreamRow(CgiRow):
    value = staticmethod(gib_per_s)
    work = staticmethod(streamed_gib)

    def load(self, settings):
        size = int(settings.gib * GIB)
        return ("stream", self.program, f"bytes={size}", "--expect-bytes", size)

    def ceilings(self, setup, settings):
        size = int(settings.gib * GIB)
        yield "pipe", Bare(setup, "discard", self.program, "--bytes", size)
        yield "copy", BareCopy(setup, self.program, size)

    def bare_load(self, _load):
        return ()


class CgiRun(RateRun):
    def servers(self):
        for name, kind in KINDS.items():
            if name in self.settings.contestants:
                yield name, kind(self.setup, name, self.row.at_once)
        if "ceiling" in self.settings.contestants:
            yield from self.row.ceilings(self.setup, self.settings)

    def turn(self, server, load):
        return server.run(*(self.row.bare_load(load) if isinstance(server, Bare) else load))

    def detail(self, name, values, results):
        text = {**super().detail(name, values, results), "server": server_name(name)}
        if any(r["foreign"] > MOST_FOREIGN for r in results):
            text["cpu"] = ""  # what is left of a core when others had much of it is too rough a figure
        return text

    def judge(self, runs):
        row = self.row
        values = {name: [row.value(r) for r in results] for name, results in runs.items()}
        result = Result(row.key, row.figure, row.reach_text, table=row.table)
        for name in values:
            result.details.append(self.detail(name, values[name], runs[name]))
            if name not in CEILINGS:
                result.cells[name] = f"{number(median(values[name]))} {row.unit}"
        to_bare = {name: self.ratios(values, (name,)) for name in CEILINGS if name in values}
        result.cells["ceiling"] = "; ".join(
            f"{CEILINGS[name]} {number(median(values[name]))} {row.unit}" +
            (f", {median(ratios):.2f} of it" if ratios else "") for name, ratios in to_bare.items())
        to_fcgiwrap, to_best = self.ratios(values, ("fcgiwrap",)), self.ratios(values, PEERS)
        if to_fcgiwrap:
            result.ratio = spread(to_fcgiwrap)
            result.cells["to best"] = spread(to_best)
            reached = median(to_fcgiwrap) >= row.reach and (
                row.reach_of_best is None or median(to_best) > row.reach_of_best)
            disturbed = any(r["foreign"] > MOST_FOREIGN for r in runs["sluice"])
            result.verdict = verdict(reached) + (" (disturbed)" if disturbed else "")
        result.data = {"runs": runs, "to_fcgiwrap": to_fcgiwrap, "to_best": to_best, "to_bare": to_bare}
        return result


class FirstPieceRow:
    """A program that says one small piece and then is silent: when does the client have it?"""

    key = "cgi-first-piece"
    figure = "a small piece, then 300 ms of silence: until the client has the piece (and the end)"
    table = "cgi"
    silence_ms = 300
    times = 3

    def run(self, setup, settings):
        result = Result(self.key, self.figure, "before the program goes on", table=self.table)
        runs = {name: [] for name in KINDS if name in settings.contestants}
        for name in runs:
            with KINDS[name](setup, name) as gateway:
                gateway.run("first", "first_piece", "ms=1", "--expect-body", "first\nlast\n")  # warms up
                for _ in range(settings.rounds):
                    runs[name].append(gateway.run("first", "first_piece", f"ms={self.silence_ms}",
                                                  "--count", self.times, "--expect-body", "first\nlast\n"))
        for name, taken in runs.items():
            first = [ms for one in taken for ms in one["first_ms"]]
            whole = [ms for one in taken for ms in one["whole_ms"]]
            held_back = median(first) >= self.silence_ms
            when = "not before the end" if held_back else f"{median(first):.1f} ms (at most {max(first):.1f})"
            result.cells[name] = f"{when} ({median(whole):.0f} ms)"
            if name == "sluice":
                result.verdict = verdict(max(first) < self.silence_ms)
        print("  " + ", ".join(f"{name} {cell}" for name, cell in result.cells.items()), file=sys.stderr)
        result.data = {"runs": runs}
        return result


def server_name(name):
    return {"sluice": "sluice run", "lighttpd": "lighttpd mod_cgi", "Apache": "Apache mod_cgid",
            **CEILINGS}.get(name, name)


def spread(ratios):
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def hello_rows():
    for name, what, program, reach, of_best, seconds in (
        ("c", "C", "hello", 1.3, 1.0, 1),
        ("static", "C, linked statically", "hello_static", 1.3, 1.0, 1),
        ("sh", "sh", "hello.sh", 1.15, 1.0, 1),
        ("perl", "Perl", "hello.pl", 1.15, 1.0, 1),
        ("cgi-pm", "Perl with CGI.pm", "hello_cgi_pm.pl", 0.95, 0.95, 1.4),
    ):
        level = of_best < 1
        text = "level (≥ 0.95)" if level else f"≥ {reach} × fcgiwrap, and ahead of all three"
        for at_once in (1, 4, 16):
            yield CgiRow(f"cgi-{name}-{at_once}", f"hello in {what}, {at_once} at a time", reach, of_best, text,
                         program, at_once=at_once, seconds=seconds)


ROWS = [
    *hello_rows(),
    StreamRow("cgi-stream", "2 GiB of a program's output in 64 KiB writes", 2.0, None, "≥ 2 × fcgiwrap", "stream",
              unit="GiB/s", work_unit="GiB"),
    FirstPieceRow(),
]
