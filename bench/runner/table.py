# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The markdown tables, and where they go."""

import datetime
import os
import pathlib
import platform

BEGIN = "<!-- scripts/bench --write: begin -->"
END = "<!-- scripts/bench --write: end -->"

COLUMNS = ("figure", "sluice, 1 thread", "libfcgi, 1 thread", "libfcgi, 32 threads", "bare socket",
           "to libfcgi's best", "reach now", "aim", "verdict")
DETAIL_COLUMNS = ("figure", "server", "lowest – median – highest", "server's processor time",
                  "p50 / p99", "connections served", "client busy", "others on a core, at most")


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def machine(command, setup, settings, load_before):
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    return "\n".join((
        f"- Machine: {cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()}, {today}; "
        f"load average before the run {load_before[0]:.2f}, after it {os.getloadavg()[0]:.2f}",
        f"- Server on core {setup.server_core}, client on core {setup.client_core}, unix socket; "
        f"{settings.rounds} rounds for speed, {settings.slow_rounds} for memory",
        f"- Command: `{command}`",
    ))


def line(cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def main_table(results):
    lines = [line(COLUMNS), "|" + "---|" * len(COLUMNS)]
    for one in results:
        cells = [one.cells.get(name, "") for name in ("sluice", "libfcgi 1", "libfcgi N", "ceiling")]
        lines.append(line([one.figure, *cells, one.ratio, one.reach, one.aim, one.verdict]))
    return "\n".join(lines)


def detail_table(results):
    rows = [detail for one in results for detail in one.details]
    if not rows:
        return ""
    lines = [line(DETAIL_COLUMNS), "|" + "---|" * len(DETAIL_COLUMNS)]
    for row in rows:
        lines.append(line([row.get(name, "") for name in
                           ("figure", "server", "runs", "cpu", "latency", "served", "client",
                            "foreign")]))
    return "\n".join(lines)


def markdown(results, machine_text):
    parts = [machine_text, main_table(results)]
    if details := detail_table(results):
        parts += ["What is behind the medians:", details]
    return "\n\n".join(parts) + "\n"


def write_into(readme, text):
    """Replaces what is between the markers."""
    old = readme.read_text()
    if old.count(BEGIN) != 1 or old.count(END) != 1:
        raise ValueError(f"{readme} must have one line '{BEGIN}' and one '{END}'")
    head, _, rest = old.partition(BEGIN)
    tail = rest.partition(END)[2]
    readme.write_text(f"{head}{BEGIN}\n{text}{END}{tail}")
