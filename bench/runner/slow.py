# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Rows about memory: slow readers, and what the server holds for them."""

import dataclasses
import sys
import time
from collections.abc import Callable

from .model import Result, kib, median, verdict
from .server import BenchError, Load, Server, run_load

MIB = 1024 * 1024
GIB = 1024 * MIB

# sluice's defaults: the most it may hold for one response, and its unit.
WINDOW = 64 * 1024
DEFAULT_BLOCK = 16 * 1024


@dataclasses.dataclass
class SlowRow:
    key: str
    figure: str
    path: Callable  # Settings -> URL
    body: Callable  # Settings -> its size
    connections: int
    rate: int
    peer_threads: int
    reach: str
    aim: str
    judge: Callable  # (Sample median, stats) -> (reached, aimed or None)
    drain: bool = True
    own_buffer_kib: int = 0  # of the application itself, taken off the growth

    def run(self, setup, settings):
        result = Result(self.key, self.figure, self.reach, self.aim)
        samples = {"sluice": [], "libfcgi": []}
        for i in range(settings.slow_rounds):
            for kind, name in (("sluice", "sluice"), ("libfcgi", "libfcgi 1")):
                if name in settings.contestants:
                    sample = self.measure(setup, settings, kind)
                    samples[kind].append(sample)
                    print(f"  round {i + 1}: {kind}: {sample.text()}", file=sys.stderr)
        for kind, taken in samples.items():
            if taken:
                name = "sluice" if kind == "sluice" else (
                    "libfcgi 1" if self.peer_threads == 1 else "libfcgi N")
                result.cells[name] = self.cell(kind, taken)
                result.details.append(self.detail(kind, taken))
        if samples["sluice"]:
            # The worst round counts: a bound that holds most of the time is none.
            worst = max(samples["sluice"], key=lambda one: one.growth)
            worst_held = max((one.held or 0) for one in samples["sluice"])
            result.verdict = verdict(*self.judge(worst, worst_held))
        result.data = {kind: [dataclasses.asdict(s) for s in taken]
                       for kind, taken in samples.items()}
        return result

    def cell(self, kind, taken):
        worst = max(taken, key=lambda one: one.growth)
        text = "RSS + " + kib(worst.growth)
        if self.connections > 1:
            text += f" to {kib(worst.peak)}, {min(s.served for s in taken)} served"
        if kind == "sluice" and taken[0].held is not None:
            text = f"held {kib(max(one.held for one in taken) / 1024)}, {text}"
        if kind == "libfcgi" and self.peer_threads > 1:
            text += f" ({self.peer_threads} threads)"
        if self.own_buffer_kib:
            text += " beside the buffer"
        return text

    def detail(self, kind, taken):
        return {
            "figure": self.figure,
            "server": kind if kind == "sluice" else f"libfcgi {self.peer_threads}",
            "runs": f"RSS {kib(median([s.before for s in taken]))} before, "
                    f"{kib(median([s.peak for s in taken]))} peak, "
                    f"{kib(median([s.after for s in taken]))} after",
            "cpu": "",
            "latency": f"anonymous + {kib(median([s.anonymous_growth for s in taken]))}",
            "served": f"{min(s.served for s in taken)} of {self.connections}, "
                      f"{min(s.flowing for s in taken)} to the end",
            "client": "",
        }

    def measure(self, setup, settings, kind):
        threads = 1 if kind == "sluice" else self.peer_threads
        with Server(setup, kind, threads) as server:
            warm_up(server)
            before = server.settled_memory()
            load = Load(server, "slow", self.path(settings), *self.options(settings),
                        timeout=int(settings.slow_seconds) + 110)
            peak = dict(before)
            try:
                while load.running():
                    for name, value in server.memory().items():
                        peak[name] = max(peak[name], value)
                    time.sleep(0.05)
                client = load.result()
            finally:
                load.stop() if load.running() else None
            if client["flowing"] != self.connections:
                raise BenchError(f"{kind}: bytes went on to only {client['flowing']} readers")
            after = server.settled_memory()
            return Sample(
                before=before["Rss"], peak=peak["Rss"], after=after["Rss"],
                growth=peak["Rss"] - before["Rss"] - self.own_buffer_kib,
                anonymous_growth=peak["Anonymous"] - before["Anonymous"] - self.own_buffer_kib,
                served=client["served"], flowing=client["flowing"],
                **held_by_a_response(server if kind == "sluice" else None),
            )

    def options(self, settings):
        out = ["--connections", self.connections, "--rate", self.rate, "--seconds",
               settings.slow_seconds]
        if self.drain:
            out += ["--drain", "--expect-bytes", self.body(settings)]
        return out


@dataclasses.dataclass
class Sample:
    before: int  # KiB, up to anonymous_growth
    peak: int
    after: int
    growth: int
    anonymous_growth: int
    served: int
    flowing: int
    held: int | None  # bytes, the most for any one response
    block: int | None  # bytes

    def text(self):
        held = f", held {self.held} bytes" if self.held is not None else ""
        return (f"RSS {kib(self.before)} + {kib(self.growth)}, after {kib(self.after)}{held}, "
                f"served {self.served}")


def warm_up(server):
    """All code has run and all buffers that stay were taken, before the first look."""
    run_load(server, "requests", "/hello", "--count", 2000, "--connections", 16)
    size = 64 * MIB
    for path in (f"/stream?bytes={size}&chunk=65536", "/stream?bytes=1048576&chunk=16"):
        run_load(server, "stream", path)


def stat(stats, *words):
    """The number whose name has all these words, or None."""
    for name, value in stats.items():
        if all(word in name for word in words) and isinstance(value, (int, float)):
            return value
    return None


def held_by_a_response(server):
    """From /stats of sluice's probe; libfcgi has no such figure."""
    if server is None:
        return {"held": None, "block": None}
    stats = server.stats()
    held, block = stat(stats, "peak", "held"), stat(stats, "block", "size")
    if held is None:
        raise BenchError(f"/stats tells no peak held by a response: {stats}")
    return {"held": int(held), "block": int(block or DEFAULT_BLOCK)}


def within(reach_kib, aim_kib):
    return lambda worst, _held: (worst.growth <= reach_kib, worst.growth <= aim_kib)


def held_within_window(worst, held):
    return held <= WINDOW + worst.block, None


def stream_path(chunk):
    return lambda settings: f"/stream?bytes={int(settings.gib * GIB)}&chunk={chunk}"


def stream_body(settings):
    return int(settings.gib * GIB)


ROWS = [
    SlowRow("slow-64k", "one slow reader (4 MB/s) of 2 GiB, in 64 KiB pieces", stream_path(65536),
            stream_body, 1, 4_000_000, 1, "RSS growth ≤ 1 MiB", "≤ 128 KiB", within(1024, 128)),
    SlowRow("slow-16", "one slow reader (4 MB/s) of 2 GiB, in 16-byte pieces", stream_path(16),
            stream_body, 1, 4_000_000, 1, "RSS growth ≤ 1 MiB", "≤ 128 KiB", within(1024, 128)),
    SlowRow("slow-bytes", "one write of 256 MiB (/bytes) to a slow reader (4 MB/s)",
            lambda _settings: f"/bytes?n={256 * MIB}", lambda _settings: 256 * MIB, 1, 4_000_000, 1,
            "held ≤ window + one block", "", held_within_window, own_buffer_kib=256 * 1024),
    SlowRow("slow-1000", "1000 slow readers (10 KB/s each)", stream_path(65536), stream_body, 1000,
            10_000, 1000, "all served, RSS growth ≤ 24 MiB", "16 MiB",
            within(24 * 1024, 16 * 1024), drain=False),
]
