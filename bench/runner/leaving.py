# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""How long after its client's leaving an app knows."""

import sys

from .model import Result, median
from .server import Server, run_load

GIB = 1024**3
PATIENCE = 2.0  # seconds; who has not been told by then is not told in time to stop anything
STATES = {
    "busy": (f"/stream?bytes={200 * GIB}&chunk=65536", "in a stream that the client reads"),
    "stalled": (f"/stream?bytes={200 * GIB}&chunk=65536", "in a stream that the client does not read"),
    "idle": ("/idle", "while the app is silent"),
}
WAYS = {
    "close": "the connection's close (unix socket)",
    "close-tcp": "the connection's close (TCP)",
    "reset": "a reset (RST, TCP)",
    "abort": "FCGI_ABORT_REQUEST",
    "half-close": "half-close (unix socket), which is no leaving",
}
# AnyEvent::FCGI keeps all it is given: 200 GiB are more than there is.
SERVERS = (("sluice", "sluice", 1), ("libfcgi N", "libfcgi", 32), ("Go", "go", 1))
PROMISE_MS = 100


class LeavingRow:
    table = "leaving"

    def __init__(self, state, how):
        self.key = f"leaving-{state}-{how}"
        self.figure = f"{STATES[state][1]}: {WAYS[how]}"
        self.state, self.how = state, how

    def run(self, setup, settings):
        result = Result(self.key, self.figure, table=self.table)
        for name, kind, threads in SERVERS:
            if name not in settings.contestants:
                continue
            # A server of its own: one that is not told goes on with its stream.
            with Server(setup, kind, threads, tcp=self.how in ("close-tcp", "reset")) as server:
                got = run_load(server, "leave", STATES[self.state][0], "--state", self.state,
                               "--how", self.how.removesuffix("-tcp"), "--count", settings.rounds, "--seconds", PATIENCE)
            told = [] if got["not_told"] else got["told_ms"]
            result.cells[name] = f"{median(told):.2f} ms (at most {max(told):.2f})" if told else "not told"
            result.data[name] = got
            if name == "sluice":
                well = not told if self.how == "half-close" else bool(told) and max(told) <= PROMISE_MS
                result.verdict = "met" if well else "**short**"
        print("  " + ", ".join(f"{name} {cell}" for name, cell in result.cells.items()), file=sys.stderr)
        return result


ROWS = [LeavingRow(state, how) for state in STATES for how in WAYS]
