# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""How long a process takes to its first answer, and what it weighs when idle."""

import json
import subprocess
import sys

from .model import Result, kib, median, verdict
from .server import BenchError, clean_environment


class StartupRow:
    key = "startup"
    figure = "process start to first answer, idle RSS"

    def run(self, setup, settings):
        result = Result(self.key, self.figure,
                        "side by side with libfcgi (mod_fcgid starts many)", "≤ 2×")
        programs = {"sluice": setup.probe, "libfcgi 1": setup.program("libfcgi_peer")}
        runs = {name: [] for name in programs if name in settings.contestants}
        for i in range(settings.slow_rounds):
            for name in runs:
                runs[name].append(self.measure(setup, settings, programs[name]))
            said = ", ".join(f"{n} {r[-1]['median_ms']:.2f} ms, {kib(r[-1]['idle_rss_kib'])}"
                             for n, r in runs.items())
            print(f"  round {i + 1}: {said}", file=sys.stderr)
        middle = {
            name: {key: median([one[key] for one in taken])
                   for key in ("median_ms", "idle_rss_kib", "idle_pss_kib", "idle_anonymous_kib")}
            for name, taken in runs.items()
        }
        for name, one in middle.items():
            result.cells[name] = (
                f"{one['median_ms']:.2f} ms, RSS {kib(one['idle_rss_kib'])} "
                f"(anonymous {kib(one['idle_anonymous_kib'])}, PSS {kib(one['idle_pss_kib'])})")
        if "sluice" in middle and "libfcgi 1" in middle:
            ours, theirs = middle["sluice"], middle["libfcgi 1"]
            time_ratio = median([a["median_ms"] / b["median_ms"]
                                 for a, b in zip(runs["sluice"], runs["libfcgi 1"])])
            rss_ratio = ours["idle_rss_kib"] / theirs["idle_rss_kib"]
            result.ratio = f"time {time_ratio:.2f}, RSS {rss_ratio:.2f}"
            result.verdict = verdict(True, time_ratio <= 2 and rss_ratio <= 2)
        result.data = runs
        return result

    def measure(self, setup, settings, program):
        try:
            got = subprocess.run(
                [setup.program("spawn_time"), "--runs", str(settings.spawn_runs),
                 "--server-core", str(setup.server_core), "--client-core", str(setup.client_core),
                 "--", program],
                capture_output=True, text=True, timeout=150, check=False, env=clean_environment())
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"spawn_time {program}: not finished in time") from error
        if got.returncode != 0:
            raise BenchError(f"spawn_time {program}: {got.stderr.strip()}")
        return json.loads(got.stdout)


ROWS = [StartupRow()]
