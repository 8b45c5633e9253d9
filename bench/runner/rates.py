# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Rows that compare speed: the same load on every server in turn, round after round."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable

from .model import Result, median, number, verdict
from .server import Server, run_load, wait_for_quiet

GIB = 1024**3

# A round in which something else had more of a core than this is run again, so often.
MOST_FOREIGN = 0.08
MOST_ATTEMPTS = 3
# Seconds a row may wait, all in all, for other work on the machine to pause.
MOST_WAITING = 60


@dataclasses.dataclass
class RateRow:
    key: str
    figure: str
    reach: float
    aim: float | None
    load: Callable  # Settings -> (mode, path, *options)
    value: Callable  # the client's JSON -> the figure, larger is better
    unit: str
    work: Callable  # the client's JSON -> how many units of work, for the server's processor time
    work_unit: str
    with_ceiling: bool = True
    with_single_writes: bool = False  # also a ceiling that sends one record a writev
    aim_of_ceiling: float | None = None
    most_records: Callable | None = None  # Settings -> most STDOUT records allowed
    reach_text: str = ""
    aim_text: str = ""
    table: str = "libfcgi"
    against: tuple = ("libfcgi 1", "libfcgi N")  # the ratio is to the best of these

    def run(self, setup, settings):
        return RateRun(self, setup, settings).run()


class RateRun:
    def __init__(self, row, setup, settings):
        self.row = row
        self.setup = setup
        self.settings = settings
        self.load = row.load(settings)

    def contestants(self):
        row, wanted = self.row, self.settings.contestants
        for name, kind, threads in (
            ("sluice", "sluice", 1),
            ("libfcgi 1", "libfcgi", 1),
            ("libfcgi N", "libfcgi", 32),
            ("Go", "go", 1),
            ("AnyEvent::FCGI", "anyevent", 1),
            ("ceiling", "ceiling", 1),
            ("ceiling, 1 a writev", "ceiling1", 1),
        ):
            if name.startswith("ceiling"):
                if not row.with_ceiling:
                    continue
            elif name != "sluice" and name not in row.against:
                continue
            if kind == "ceiling1" and not row.with_single_writes:
                continue
            if name in wanted or (kind == "ceiling1" and "ceiling" in wanted):
                yield name, kind, threads

    def run(self):
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(server) for name, server in self.servers()}
            for server in servers.values():
                self.turn(server, self.warm_up())
            rounds = self.rounds(servers)
        runs = {name: [one[name] for one in rounds] for name in servers}
        return self.judge(runs)

    def servers(self):
        for name, kind, threads in self.contestants():
            yield name, Server(self.setup, kind, threads)

    def turn(self, server, load):
        return run_load(server, *load)

    def rounds(self, servers):
        """The least disturbed of the rounds; more than were asked for while some were disturbed."""
        wanted = self.settings.rounds
        cores = (self.setup.server_core, self.setup.client_core)
        taken = []
        patience = MOST_WAITING
        for i in range(wanted * MOST_ATTEMPTS):
            patience -= wait_for_quiet(cores, max(0, patience))
            taken.append({name: self.turn(server, self.load) for name, server in servers.items()})
            said = ", ".join(f"{n} {number(self.row.value(r))}" for n, r in taken[-1].items())
            print(f"  round {i + 1}: {said} {self.row.unit}; "
                  f"others had {foreign(taken[-1]) * 100:.0f} % of a core", file=sys.stderr)
            if sum(foreign(one) <= MOST_FOREIGN for one in taken) >= wanted:
                break
        return sorted(taken, key=foreign)[:wanted]

    def warm_up(self):
        """The same load, shorter where it goes by time."""
        load = list(self.load)
        if "--seconds" in load:
            at = load.index("--seconds") + 1
            load[at] = min(load[at], 0.5)
        return load

    def ratios(self, values, other_names):
        """sluice to the best of the others, in each round. The best is the one with the best median: the better of two in
        each round would be better than either."""
        others = [values[name] for name in other_names if name in values]
        if "sluice" not in values or not others:
            return []
        return [ours / theirs for ours, theirs in zip(values["sluice"], max(others, key=median))]

    def judge(self, runs):
        row = self.row
        values = {name: [row.value(r) for r in results] for name, results in runs.items()}
        to_peers = self.ratios(values, row.against)
        to_ceiling = self.ratios(values, ("ceiling",))
        result = Result(row.key, row.figure, row.reach_text or f"≥ {row.reach}",
                        row.aim_text or (f"{row.aim}" if row.aim else ""), row.table)
        for name, results in values.items():
            middle = median(results)
            result.cells[name] = f"{number(middle)} {row.unit}"
            result.details.append(self.detail(name, values[name], runs[name]))
        if to_peers:
            result.ratio = f"{median(to_peers):.2f} ({min(to_peers):.2f}–{max(to_peers):.2f})"
            if row.aim_of_ceiling and to_ceiling:
                result.ratio += f"; {median(to_ceiling):.2f} of the bare socket"
            result.verdict = self.verdict(to_peers, to_ceiling, runs["sluice"], result)
        result.data = {"runs": runs, "to_peers": to_peers, "to_ceiling": to_ceiling}
        return result

    def verdict(self, to_peers, to_ceiling, ours, result):
        row = self.row
        reached = median(to_peers) >= row.reach
        if row.most_records:
            records = max(max(r["records"]) for r in ours)
            result.cells["sluice"] += f", {records} records"
            reached = reached and records <= row.most_records(self.settings)
        aimed = None  # the row has no aim
        if row.aim_of_ceiling:
            aimed = bool(to_ceiling) and median(to_ceiling) >= row.aim_of_ceiling
        elif row.aim:
            aimed = median(to_peers) >= row.aim
        words = verdict(reached, None if aimed is None else aimed and reached)
        disturbed = any(r["foreign"] > MOST_FOREIGN for r in ours)
        return words + " (disturbed)" if disturbed else words

    def detail(self, name, values, results):
        row = self.row
        cpu = median([r["server_cpu_s"] / row.work(r) for r in results])
        text = {
            "figure": row.figure,
            "server": name.replace("libfcgi N", "libfcgi 32"),
            "runs": f"{number(min(values))} – {number(median(values))} – {number(max(values))} {row.unit}",
            "cpu": f"{cpu * 1e6:.2f} µs per {row.work_unit}" if cpu < 1e-3 or row.work_unit == "request"
                   else f"{cpu:.3f} s per {row.work_unit}",
            "latency": "",
            "served": "",
        }
        if "p50_us" in results[0]:
            text["latency"] = (f"{median([r['p50_us'] for r in results]):.0f} / "
                               f"{median([r['p99_us'] for r in results]):.0f} µs")
            text["served"] = (f"{min(r['connections_served'] for r in results)}"
                              f" of {results[0]['connections']}")
        text["foreign"] = f"{max(r['foreign'] for r in results) * 100:.0f} %"
        if results[0].get("client_cpu") is not None:
            text["client"] = f"{median([r['client_cpu'] for r in results]) * 100:.0f} %"
        return text


def foreign(one_round):
    return max(result["foreign"] for result in one_round.values())


def hello(*options):
    def load(settings):
        return ("requests", "/hello", "--expect-body", "Hello, world!", "--seconds",
                settings.seconds, *options)

    return load


def stream(settings):
    size = int(settings.gib * GIB)
    return ("stream", f"/stream?bytes={size}&chunk=65536", "--expect-bytes", size)


def upload(_settings):
    return ("upload", "/upload", "--upload-bytes", 256 * 1024 * 1024, "--count", 4)


TINY_WRITES = 1_000_000


def tiny(flush, times):
    def load(_settings):
        return ("stream", f"/tiny?n={TINY_WRITES}&flush={flush}", "--expect-bytes",
                16 * TINY_WRITES, "--count", times)

    return load


def multiplexed(in_flight):
    def row_load(settings):
        return ("multiplexed", "/hello", "--expect-body", "Hello, world!", "--seconds", settings.seconds,
                "--warmup", 0.1, "--in-flight", in_flight)

    return RateRow(f"multiplexed-{in_flight}", f"/hello, {in_flight} at once on one connection", 3.0, None, row_load,
                   requests_per_s, "requests/s", requests, "request", with_ceiling=False, table="multiplexing",
                   against=("Go", "AnyEvent::FCGI"), reach_text="≥ 3 × Go")


def requests_per_s(result):
    return result["requests_per_s"]


def requests(result):
    return result["requests"]


def gib_per_s(result):
    return result["gib_per_s"]


def streamed_gib(result):
    return result["body_bytes"] * len(result["seconds"]) / GIB


def writes_per_us(result):
    return TINY_WRITES / result["median_seconds"] / 1e6


def million_writes(result):
    return len(result["seconds"]) * TINY_WRITES / 1e6


def of_requests(key, figure, reach, aim, *options):
    return RateRow(key, figure, reach, aim, hello(*options), requests_per_s, "requests/s", requests,
                   "request")


ROWS = [
    of_requests("hello-kept-1", "/hello kept, 1 connection", 0.9, 1.0, "--connections", 1),
    of_requests("hello-kept-64", "/hello kept, 64 connections", 1.6, 2.4, "--connections", 64),
    of_requests("hello-closed-16", "/hello closed connections, 16 at a time", 1.1, 1.4, "--closed",
                "--connections", 16),
    RateRow("stream", "/stream 2 GiB in 64 KiB writes", 1.6, None, stream, gib_per_s, "GiB/s",
            streamed_gib, "GiB", with_single_writes=True, aim_of_ceiling=0.9,
            aim_text="≥ 0.9 of the bare socket"),
    RateRow("upload", "/upload 256 MiB", 0.9, 1.1, upload, gib_per_s, "GiB/s", streamed_gib, "GiB",
            with_ceiling=False),
    RateRow("tiny", "/tiny 1 000 000 × 16 bytes, no flush", 1.0, None, tiny(0, 15), writes_per_us,
            "M writes/s", million_writes, "million writes", with_ceiling=False,
            most_records=lambda _settings: TINY_WRITES // 500,
            reach_text="≥ 1.0, records ≤ 1/500 of the writes"),
    RateRow("tiny-flushed", "/tiny flushed each", 1.0, None, tiny(1, 1), writes_per_us,
            "M writes/s", million_writes, "million writes", with_ceiling=False),
    multiplexed(16),
    multiplexed(256),
]
