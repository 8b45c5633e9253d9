# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The demo behind scripts/demo, which installs and builds what it needs first."""
import argparse
import http.client
import os
import signal
import sys
from pathlib import Path

import processes
from screen import Screen, kib, mib
from site_server import SITES, WINDOW, SiteError
from stream import Stream

MIB = 1024 * 1024
UNITS = {"K": 1024, "M": MIB, "G": 1024 * MIB}
MOST_GROWTH = 2 * MIB  # of RSS, in --check

CURL_LINES = """\
curl {0}/01_hello
curl -N {0}/02_countdown             # a line a second
curl '{0}/03_large_report?rows=100000000' | head -n 3
curl '{0}/probe/env?a=1'             # what the app is told
curl --data-binary @README.md {0}/probe/upload
curl -N '{0}/probe/ticks?n=10&ms=500'
curl --limit-rate 20M -o /dev/null '{0}/probe/stream?bytes=2000000000'
curl {0}/probe/stats                 # what the app holds
"""


class Stopped(BaseException):
    """Ctrl-C, or another signal that asks us to end."""


def byte_count(text):
    try:
        unit = UNITS.get(text[-1:].upper())
        value = int(float(text[:-1]) * unit) if unit else int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 65536, 500K, 8M or 2G")
    return value


def options():
    # scripts/demo says what they are, and has checked them: it did so before this could be run.
    parser = argparse.ArgumentParser(prog="scripts/demo", add_help=False, allow_abbrev=False)
    parser.add_argument("--behind", choices=sorted(SITES), default="lighttpd")
    parser.add_argument("--rate", type=byte_count, default=None)
    parser.add_argument("--size", type=byte_count, default=None)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--programs", default=Path(__file__).parents[3] / "build/demo/examples")
    chosen = parser.parse_args()
    chosen.rate = chosen.rate or 16 * MIB
    chosen.size = chosen.size or (64 * MIB if chosen.check else 2048 * MIB)
    chosen.slow_seconds, chosen.pause_seconds = (1, 1) if chosen.check else (15, 6)
    return chosen


def print_invitation(screen, site):
    screen.say(f"{site.name} is up with the examples behind it: {site.url('/')}")
    screen.say("From another terminal:")
    screen.say()
    for line in CURL_LINES.splitlines():
        screen.say("  " + line.format(site.url("")))
    screen.say()


def stream_once(screen, site, chosen):
    """Returns the finished Stream."""
    # The first response commits the memory that all later ones use again.
    site.get("/probe/stream?bytes=4194304&chunk=65536")
    screen.say(f"Now one response of {mib(chosen.size, 0)}, made while it is read, in writes of 64 KiB.")
    if not site.answers_while_streaming:
        screen.say("(mod_fcgid gives a process one request at a time: what the app has produced and\n"
                   "what is held for the response can be asked only afterwards.)")
    screen.say()
    screen.say(screen.HEADER)
    with Stream(site, chosen.size, screen.row) as stream:
        screen.say(f"1. The client reads {mib(chosen.rate)}/s. The app could go faster; its writes wait.")
        more = stream.read_slowly(chosen.rate, chosen.slow_seconds)
        stream.stood_still = stream.at_pause = None
        if more:
            screen.say(f"2. The client reads nothing for {chosen.pause_seconds} s.")
            stream.stood_still = stream.read_nothing(chosen.pause_seconds)
            stream.at_pause = stream.figures
            screen.say("3. The client reads as fast as it can, to the end.")
            stream.read_to_end()
    stream.stats_after = stream.stats()
    return stream


def print_summary(screen, site, stream):
    block = stream.stats_after["pool"]["block_size"]
    growth = stream.resident_peak - stream.resident_before
    screen.say()
    screen.say("What was seen:")
    screen.say(f"  delivered     {stream.delivered:,} of {stream.size:,} bytes, "
               f"{'whole' if stream.clean_end else 'CUT SHORT'}, in {stream.seconds:.1f} s")
    screen.say(f"  held          {kib(stream.stats_after['peak_held'])} at most; promised: {kib(WINDOW + block)}"
               f" (window {kib(WINDOW)}, block {kib(block)})")
    screen.say(f"  RSS           {mib(stream.resident_before, 2)} before, {mib(stream.resident_peak, 2)} at most:"
               f" {growth / 1024:+.0f} KiB for {mib(stream.size, 0)}")
    if stream.stood_still is not None:
        what = "produced nothing" if site.answers_while_streaming else "used no processor time"
        screen.say(f"  client paused the app {what} for {stream.stood_still:.1f} s")
    if stream.at_pause and site.answers_while_streaming:
        between = stream.at_pause.produced - stream.at_pause.delivered - stream.at_pause.held
        screen.say(f"                ({mib(between)} lay in buffers of the kernel and of {site.name})")
    screen.say()


def faults_of(stream, pause):
    """What --check has to say; empty when the promise was kept."""
    after = stream.stats_after
    bound = WINDOW + after["pool"]["block_size"]
    checks = [
        (stream.delivered == stream.size, f"{stream.delivered} bytes came of {stream.size}"),
        (stream.produced_since_start(after) == stream.size,
         f"the app says that it produced {stream.produced_since_start(after)} bytes"),
        (stream.clean_end, "the response was cut short"),
        (0 < after["peak_held"] <= bound, f"held {after['peak_held']} bytes for one response; the bound is {bound}"),
        (after["pid"] == stream.pid, "another process answered at the end than at the beginning"),
        (stream.resident_peak - stream.resident_before <= MOST_GROWTH,
         f"RSS grew from {stream.resident_before} to {stream.resident_peak} bytes"),
        (stream.stood_still is not None, "the response was over before the client paused"),
        ((stream.stood_still or 0) >= pause / 2, "the app went on while the client read nothing"),
        (stream.fault is None, stream.fault),
    ]
    return [fault for kept, fault in checks if not kept]


def main():
    chosen = options()
    screen = Screen()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    processes.adopt_orphans()
    shown = False
    try:
        with SITES[chosen.behind](chosen.programs) as site:
            if not chosen.check:
                print_invitation(screen, site)
            try:
                stream = stream_once(screen, site, chosen)
            except http.client.HTTPException as fault:
                raise SiteError(f"{fault!r}; {site.name}'s last words:\n{site.last_words()}") from fault
            print_summary(screen, site, stream)
            shown = True
            if chosen.check:
                faults = faults_of(stream, chosen.pause_seconds)
                for fault in faults:
                    screen.say(f"FAULT: {fault}")
                screen.say("check failed" if faults else "check passed")
                return 1 if faults else 0
            screen.say(f"{site.name} stays up for the curl lines above. Ctrl-C stops it.")
            while True:
                signal.pause()
    except Stopped:
        screen.say()
        screen.say("Stopped; nothing is left running.")
        return 0 if shown else 130
    except BrokenPipeError:  # nobody reads what we print any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (SiteError, OSError) as fault:
        screen.say()
        print(f"scripts/demo: {fault}", file=sys.stderr)
        return 1


def stop(*_):
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
