# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The live line: redrawn in place on a terminal, a plain line a second elsewhere."""
import sys
import threading
import time

KIB, MIB = 1024, 1024 * 1024


def mib(n, digits=1):
    return f"{n / MIB:.{digits}f} MiB"


def kib(n):
    return f"{n / KIB:g} KiB"


class Screen:
    BAR = 20
    HEADER = (f"  {'':{BAR + 2}}      {'speed':>11} {'produced':>9} {'delivered':>9} {'held':>7} {'RSS of':>8}\n"
              f"  {'':{BAR + 2}}      {'':>11} {'by app':>9} {'to client':>9} {'for it':>7} {'app':>8}")

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.lock = threading.Lock()
        self.open_line = ""
        self.last_plain = 0.0

    def say(self, text=""):
        with self.lock:
            if self.open_line:
                print()
                self.open_line = ""
            print(text, flush=True)

    def row(self, f):
        """Shows stream.Figures."""
        filled = self.BAR * f.delivered // f.size
        produced = "-" if f.produced is None else mib(f.produced, 0)
        held = "-" if f.held is None else kib(f.held)
        line = (f"  [{'#' * filled}{'.' * (self.BAR - filled)}] {100 * f.delivered // f.size:3d}% "
                f"{mib(f.speed):>9}/s {produced:>9} {mib(f.delivered, 0):>9} {held:>7} {mib(f.resident):>8}")
        with self.lock:
            if self.live:
                print(f"\r{line}\x1b[K", end="", flush=True)
                self.open_line = line
            elif time.monotonic() >= self.last_plain + 1:
                self.last_plain = time.monotonic()
                print(line, flush=True)
