# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The markdown tables, and where they go."""

import datetime
import os
import pathlib
import platform

MARK = "<!-- scripts/bench --write: {} {} -->"  # begin or end, and the table's name

# Of each table: its columns, and where a line finds the text for them.
TABLES = {
    "libfcgi": {
        "figure": "figure", "sluice, 1 thread": "sluice", "libfcgi, 1 thread": "libfcgi 1",
        "libfcgi, 32 threads": "libfcgi N", "bare socket": "ceiling", "to libfcgi's best": "ratio",
        "reach now": "reach", "aim": "aim", "verdict": "verdict",
    },
    "multiplexing": {
        "figure": "figure", "sluice, 1 thread": "sluice", "Go net/http/fcgi": "Go",
        "AnyEvent::FCGI": "AnyEvent::FCGI", "to the better": "ratio", "reach now": "reach", "verdict": "verdict",
    },
    "leaving": {
        "the client leaves": "figure", "sluice, 1 thread": "sluice", "libfcgi, 32 threads": "libfcgi N",
        "Go net/http/fcgi": "Go", "verdict": "verdict",
    },
    "cgi": {
        "figure": "figure", "sluice run": "sluice", "fcgiwrap": "fcgiwrap", "lighttpd mod_cgi": "lighttpd",
        "Apache mod_cgid": "Apache", "bare system calls": "ceiling", "to fcgiwrap": "ratio",
        "to the best of the three": "to best", "reach now": "reach", "verdict": "verdict",
    },
}
TRANSPORTS = {"cgi": "FastCGI over a unix socket, HTTP over TCP on the loopback interface"}
DETAIL_COLUMNS = ("figure", "server", "lowest – median – highest", "server's processor time",
                  "p50 / p99", "connections served", "client busy", "others on a core, at most")


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def machine(name, command, setup, settings, load_before):
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    return "\n".join((
        f"- Machine: {cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()}, {today}; "
        f"load average before the run {load_before[0]:.2f}, after it {os.getloadavg()[0]:.2f}",
        f"- Server on core {setup.server_core}, client on core {setup.client_core}, "
        f"{TRANSPORTS.get(name, 'unix socket')}; {settings.rounds} rounds for speed, {settings.slow_rounds} for memory",
        f"- Command: `{command}`",
    ))


def line(cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def main_table(name, results):
    columns = TABLES[name]
    lines = [line(columns), "|" + "---|" * len(columns)]
    for one in results:
        text = {"figure": one.figure, "ratio": one.ratio, "reach": one.reach, "aim": one.aim,
                "verdict": one.verdict, **one.cells}
        lines.append(line([text.get(place, "") for place in columns.values()]))
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


def markdown(results, *run):
    """The text of each table that has results, by its name. What it was run with is as for machine()."""
    texts = {}
    for name in TABLES:
        if mine := [one for one in results if one.table == name]:
            parts = [machine(name, *run), main_table(name, mine)]
            if details := detail_table(mine):
                parts += ["What is behind the medians:", details]
            texts[name] = "\n\n".join(parts) + "\n"
    return texts


def write_into(readme, texts):
    """Replaces what is between the markers of each table."""
    page = readme.read_text()
    for name, text in texts.items():
        begin, end = MARK.format("begin", name), MARK.format("end", name)
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{readme} must have one line '{begin}' and one '{end}'")
        head, _, rest = page.partition(begin)
        page = f"{head}{begin}\n{text}{end}{rest.partition(end)[2]}"
    readme.write_text(page)
