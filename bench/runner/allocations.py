# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Calls for memory per request and per MiB, after warm-up, counted by tools/malloc_count.cpp."""

import collections
import pathlib
import re
import struct
import subprocess
import sys

from .model import Result, verdict
from .server import BenchError, Server, run_load

MIB = 1024 * 1024
MAGIC = 0x736C756963650001
LAYOUT = struct.Struct("=6Qq")
TRACES_AT = 48
NAMES = ("malloc", "calloc", "realloc", "aligned")


class Counted:
    """A server with malloc_count preloaded."""

    def __init__(self, setup, kind):
        self.file = setup.folder / f"malloc-count-{kind}"
        self.server = Server(setup, kind, env={
            "LD_PRELOAD": setup.program("malloc_count.so"), "MALLOC_COUNT_FILE": str(self.file)})

    def calls(self):
        magic, *calls, _bytes, _traces = LAYOUT.unpack(self.file.read_bytes())
        if magic != MAGIC:
            raise BenchError("malloc_count was not loaded")
        return sum(calls)

    def calls_during(self, load):
        before = self.calls()
        run_load(self.server, *load)
        return self.calls() - before

    def slope(self, load, few, many):
        """Calls per unit: the difference of a long and a short run, so what a run costs once
        (a connection, the first record) does not count."""
        return (self.calls_during(load(many)) - self.calls_during(load(few))) / (many - few)

    def trace(self, how_many):
        """The next so many calls write backtraces into the server's log."""
        with open(self.file, "r+b") as file:
            file.seek(TRACES_AT)
            file.write(struct.pack("=q", how_many))


def requests(*options):
    return lambda n: ("requests", "/hello", "--count", n, "--seconds", 60, *options)


def stream(mib):
    return ("stream", f"/stream?bytes={mib * MIB}&chunk=65536", "--expect-bytes", mib * MIB)


def flushed(writes):
    return ("stream", f"/tiny?n={writes}&flush=1", "--expect-bytes", 16 * writes)


def who_asked(log, program):
    """The allocations of a trace, counted by the innermost functions of the program in them."""
    asked = collections.Counter()
    for trace in log.split("-- ")[1:]:
        what, *frames = trace.splitlines()
        own = [re.search(r"\(\+0x([0-9a-f]+)\)", line) for line in frames
               if line.startswith(program + "(")]
        asked[what, tuple(found.group(1) for found in own if found)[:3]] += 1
    lines = []
    for (what, addresses), times in asked.most_common():
        named = subprocess.run(["addr2line", "-Cfse", program, *("0x" + one for one in addresses)],
                               capture_output=True, text=True, check=False).stdout.splitlines()[::2]
        lines.append(f"{times} × {what}, by " + ", for ".join(named or addresses))
    return "\n".join(lines) + "\n"


class AllocationRow:
    key = "allocations"
    figure = "allocations per request and per MiB streamed, after warm-up"

    def run(self, setup, settings):
        result = Result(self.key, self.figure,
                        "0 per record; per request say how many and why", "≤ 2 per request")
        for kind, name in (("sluice", "sluice"), ("libfcgi", "libfcgi 1")):
            if name not in settings.contestants:
                continue
            figures = self.measure(setup, settings, kind)
            print(f"  {kind}: {figures}", file=sys.stderr)
            result.data[kind] = figures
            result.cells[name] = (
                f"{figures['request, kept']:.2f} per request (closed: "
                f"{figures['request, closed']:.2f}), {figures['MiB streamed']:.3f} per MiB, "
                f"{figures['flushed record']:.4f} per record")
        if ours := result.data.get("sluice"):
            # A call or two in a thousand MiB is the noise of a loop that sometimes grows a queue.
            none = ours["MiB streamed"] <= 0.01 and ours["flushed record"] <= 0.0001
            result.verdict = verdict(none, none and ours["request, kept"] <= 2)
        return result

    def measure(self, setup, settings, kind):
        counted = Counted(setup, kind)
        with counted.server:
            for load in (requests()(2000), requests("--closed")(2000), stream(64), flushed(10_000)):
                run_load(counted.server, *load)
            figures = {
                "request, kept": counted.slope(requests(), 2000, 22_000),
                "request, closed": counted.slope(requests("--closed"), 2000, 12_000),
                "MiB streamed": counted.slope(stream, 64, 1088),
                "flushed record": counted.slope(flushed, 10_000, 110_000),
            }
            if settings.trace_allocations and kind == "sluice":
                counted.trace(100)
                run_load(counted.server, *requests()(20))
                run_load(counted.server, *requests("--closed")(3))
                counted.trace(0)
                log = pathlib.Path(counted.server.log_path).read_text(errors="replace")
                pathlib.Path(settings.trace_allocations).write_text(
                    who_asked(log, setup.probe) + "\n" + log)
        return figures


ROWS = [AllocationRow()]
