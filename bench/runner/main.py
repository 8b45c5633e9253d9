# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The command line of scripts/bench."""

import argparse
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

from . import allocations, cgi, leaving, rates, slow, startup, table
from .model import CONTESTANTS, Result, Settings
from .server import BenchError, Setup, raise_open_files

ROWS = rates.ROWS + slow.ROWS + allocations.ROWS + startup.ROWS + leaving.ROWS + cgi.ROWS
KEYS = [row.key for row in ROWS]
TABLES = {name: [row.key for row in ROWS if getattr(row, "table", "libfcgi") == name] for name in table.TABLES}


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures sluice beside libfcgi, a bare socket and others, in one run, and prints the "
                    "tables of bench/README.md.",
        epilog="tables and their rows: " + "; ".join(f"{name}: {', '.join(keys)}" for name, keys in TABLES.items()))
    parser.add_argument("--only", metavar="NAME,...", help="these rows or tables only")
    parser.add_argument("--quick", action="store_true", help="short runs: a look, not a measurement")
    parser.add_argument("--rounds", type=int, help="rounds of each speed row (default 15)")
    parser.add_argument("--seconds", type=float, help="seconds of each /hello run (default 0.7)")
    parser.add_argument("--write", action="store_true",
                        help="put the tables into bench/README.md (whole ones, not with --quick)")
    parser.add_argument("--json", metavar="FILE", help="everything that was measured")
    parser.add_argument("--probe", metavar="PATH", help="measure this binary of examples/probe")
    parser.add_argument("--command", metavar="PATH", help="measure this binary of `sluice`")
    parser.add_argument("--peers-only", action="store_true", help="without sluice")
    parser.add_argument("--build-dir", metavar="DIR", help="default: build/bench")
    parser.add_argument("--no-build", action="store_true", help="take what is in the build folder")
    parser.add_argument("--cores", metavar="SERVER,CLIENT", help="default: the first two")
    parser.add_argument("--trace-allocations", metavar="FILE",
                        help="with the row 'allocations': backtraces of those of a few requests")
    opt = parser.parse_args(argv)
    named = opt.only.split(",") if opt.only else KEYS
    for name in named:
        if name not in KEYS and name not in TABLES:
            parser.error(f"no row or table '{name}'; there are: {', '.join([*TABLES, *KEYS])}")
    opt.only = {key for name in named for key in TABLES.get(name, [name])}
    in_part = [name for name, keys in TABLES.items() if 0 < len(opt.only.intersection(keys)) < len(keys)]
    if opt.write and (opt.quick or opt.peers_only or in_part):
        parser.error("--write wants whole tables: without --quick and --peers-only, and no single rows")
    return opt


def cores(text):
    if text:
        server, _, client = text.partition(",")
        return int(server), int(client)
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        print("bench: only one core: server and client share it, figures mean little",
              file=sys.stderr)
    return usable[0], usable[-1] if len(usable) < 2 else usable[1]


def run_step(*command):
    print("bench: " + shlex.join(map(str, command)), file=sys.stderr)
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise BenchError("the step above failed")


def build(root, folder, peers_only, own_probe):
    install = root / "scripts" / "install-deps"
    if install.exists():
        run_step(install, "bench")
    targets = ["sluice_bench"]
    if peers_only or own_probe:
        run_step("cmake", "-S", root / "bench", "-B", folder / "programs", "-G", "Ninja")
        run_step("cmake", "--build", folder / "programs", "--target", *targets)
        return
    run_step("cmake", "-S", root, "--preset", "release", "-B", folder, "-DSLUICE_BUILD_BENCH=ON",
             "-DSLUICE_BUILD_TESTS=OFF", "-DSLUICE_BUILD_EXAMPLES=ON")
    run_step("cmake", "--build", folder, "--target", "probe", "sluice_command", *targets)


def find_program(folder, name):
    found = [p for p in folder.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
    if not found:
        raise BenchError(f"no {name} in {folder}")
    return max(found, key=lambda p: p.stat().st_mtime)


def settings_of(opt):
    settings = Settings(trace_allocations=opt.trace_allocations or "")
    if opt.quick:
        settings = Settings(rounds=2, seconds=0.5, slow_rounds=1, slow_seconds=2.0, gib=0.5,
                            spawn_runs=5, trace_allocations=opt.trace_allocations or "")
    settings.rounds = opt.rounds or settings.rounds
    settings.seconds = opt.seconds or settings.seconds
    if opt.peers_only:
        settings.contestants = tuple(name for name in CONTESTANTS if name != "sluice")
    return settings


def run_rows(opt, setup, settings):
    results, failed = [], 0
    for row in ROWS:
        if row.key not in opt.only:
            continue
        print(f"bench: {row.key}: {row.figure}", file=sys.stderr)
        try:
            results.append(row.run(setup, settings))
        except BenchError as error:
            failed += 1
            print(f"bench: {row.key}: {error}", file=sys.stderr)
            results.append(Result(row.key, row.figure, table=getattr(row, "table", "libfcgi"),
                                  verdict="no figure: the run failed"))
    return results, failed


def run(root, argv):
    opt = arguments(argv)
    folder = pathlib.Path(opt.build_dir) if opt.build_dir else root / "build" / "bench"
    if not opt.no_build:
        build(root, folder, opt.peers_only, opt.probe)
    probe, command = None, opt.command and str(pathlib.Path(opt.command).resolve())
    if not opt.peers_only:
        probe = str(pathlib.Path(opt.probe).resolve() if opt.probe else find_program(folder, "probe"))
        if not command and not opt.probe:
            command = find_program(folder, "sluice")
    programs = find_program(folder, "fcgi_load").parent
    raise_open_files()
    settings = settings_of(opt)
    load_before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="sluice-bench.") as temporary:
        setup = Setup(programs, probe, command, temporary, *cores(opt.cores))
        os.sched_setaffinity(0, {setup.client_core})  # away from what is measured
        results, failed = run_rows(opt, setup, settings)
    command_line = shlex.join(["scripts/bench", *argv])
    texts = table.markdown(results, command_line, setup, settings, load_before)
    print("\n".join(texts.values()))
    if opt.json:
        pathlib.Path(opt.json).write_text(
            json.dumps({one.key: one.data for one in results}, indent=1) + "\n")
    if opt.write:
        if failed:
            print("bench: a row failed; bench/README.md stays as it was", file=sys.stderr)
        else:
            table.write_into(root / "bench" / "README.md", texts)
    return 1 if failed else 0


def main(root, argv):
    # As an exception, so that the servers and the folder go as they do at the end of a run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(pathlib.Path(root), argv)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
