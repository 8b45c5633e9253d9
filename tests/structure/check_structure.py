#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Checks the rules of the house that no compiler checks: who may include what, and how long a file may be.

    check_structure.py ROOT      prints each fault as `file:line: what`; exit status 1 when there is one

The rules:
  * core (include/, src/) includes nothing of the components; fcgi, cgi and http include core and
    themselves; libfcgi stands on fcgi and cgi; run and everything above it include what they like of the public
    headers.
  * Core opens no socket, so it includes nothing of Asio that does.
  * In fcgi/ and cgi/ a file is a driver when its name says so (DRIVER_WORDS, DRIVER_NAMES); all others are sans-I/O: bytes
    and events in, bytes and actions out. They include no Asio, no socket header and no driver, and they
    ask no clock.
  * An #include <sluice/...> names a header that exists. A quoted one stays within its folder.
  * No source file has more than 600 lines; each bears the copyright line; headers have `#pragma once`.
"""
import re
import sys
from pathlib import Path

# The components that must not know each other. What is not named here (run, command, examples, tests, bench) may
# include every public header.
COMPONENTS = {
    "core": {"public": "include", "folders": ["include", "src"], "may_use": {"core"}},
    "fcgi": {"public": "fcgi/include", "folders": ["fcgi"], "may_use": {"core", "fcgi"}},
    "cgi": {"public": "cgi/include", "folders": ["cgi"], "may_use": {"core", "cgi"}},
    "http": {"public": "http/include", "folders": ["http"], "may_use": {"core", "http"}},
    "libfcgi": {"public": "libfcgi/include", "folders": ["libfcgi"], "may_use": {"core", "fcgi", "cgi", "libfcgi"}},
    "run": {"public": "run/include", "folders": ["run"], "may_use": {"core", "fcgi", "cgi", "http", "run"}},
}
SANS_IO_COMPONENTS = {"fcgi", "cgi"}
DRIVER_WORDS = ("connection", "server", "listener", "driver", "loop", "signal", "run")
DRIVER_NAMES = ("client",)  # and not client_session, which is a machine

IO_HEADERS = re.compile(
    r"boost/asio(/|\.hpp$)|boost/beast(/|\.hpp$)|boost/process"
    r"|sys/(socket|un|epoll|poll|select|uio|wait|eventfd|timerfd|signalfd)\.h$"
    r"|netinet/|arpa/inet\.h$|netdb\.h$|poll\.h$|fcntl\.h$|unistd\.h$"
)
SOCKET_HEADERS = re.compile(
    r"boost/asio\.hpp$|boost/asio/(ip|local|posix|generic|ssl)/|boost/asio/signal_set|boost/beast"
    r"|boost/asio/basic_(datagram|raw|seq_packet|socket|stream_file|readable_pipe|writable_pipe|serial)"
    r"|sys/(socket|un|epoll|poll|select)\.h$|netinet/|arpa/inet\.h$|netdb\.h$|poll\.h$"
)
CLOCK = re.compile(r"_clock::now\b|\b(clock_gettime|gettimeofday|std::time)\s*\(")

SOURCE_FOLDERS = ["include", "src", "fcgi", "cgi", "libfcgi", "http", "run", "command", "examples", "tests", "bench",
                  "scripts", "cmake"]
CODE_SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".py", ".sh", ".cmake"}
MOST_LINES = 600
COPYRIGHT = "Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0."

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def strip_comments(text):
    """Blanks comments out, keeping every newline so that line numbers stay right."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    return re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.S)


def is_driver(path):
    return path.stem in DRIVER_NAMES or not set(path.stem.split("_")).isdisjoint(DRIVER_WORDS)


class Checker:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self.faults = []
        self.owner = {}  # "sluice/x.hpp" -> (component, path)
        for name, component in COMPONENTS.items():
            public = self.root / component["public"]
            for header in sorted(public.rglob("*.hpp")):
                self.owner[header.relative_to(public).as_posix()] = (name, header)

    def fault(self, path, line, what):
        self.faults.append(f"{path.relative_to(self.root)}:{line}: {what}")

    def component_of(self, path):
        relative = path.relative_to(self.root).as_posix() + "/"
        for name, component in COMPONENTS.items():
            if any(relative.startswith(folder + "/") for folder in component["folders"]):
                return name
        return None

    def check(self):
        files = 0
        for folder in SOURCE_FOLDERS:
            for path in sorted((self.root / folder).rglob("*")):
                is_source = path.suffix in TEXT_SUFFIXES or path.name == "CMakeLists.txt"
                is_script = folder == "scripts" and not path.suffix
                if path.is_file() and (is_source or is_script):
                    files += 1
                    self.check_file(path)
        return files

    def check_file(self, path):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if len(lines) > MOST_LINES:
            self.fault(path, len(lines), f"{len(lines)} lines; {MOST_LINES} are the most a file may have")
        if not any(COPYRIGHT in line for line in lines[:3]):
            self.fault(path, 1, "the copyright line is missing")
        if path.suffix not in CODE_SUFFIXES:
            return
        code = strip_comments(text)
        # What is in cmake/ is given to the compiler directly, never included.
        if path.suffix == ".hpp" and path.parent.name != "cmake" and "#pragma once" not in code:
            self.fault(path, 1, "a header without #pragma once")
        component = self.component_of(path)
        sans_io = component in SANS_IO_COMPONENTS and not is_driver(path)
        for number, line in enumerate(code.splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                self.check_include(path, number, component, sans_io, match.group(1) == '"', match.group(2))
            elif sans_io and CLOCK.search(line):
                self.fault(path, number, "a sans-I/O file asks a clock; time is an input here")

    def check_include(self, path, number, component, sans_io, quoted, name):
        if name.startswith("sluice/"):
            self.check_own_header(path, number, component, sans_io, name)
        elif quoted and component:
            self.check_private_header(path, number, component, sans_io, name)
        if component == "core" and SOCKET_HEADERS.search(name):
            self.fault(path, number, f"core opens no socket, but includes {name}")
        if sans_io and IO_HEADERS.search(name):
            self.fault(path, number, f"a sans-I/O file includes {name} (a driver has one of the words "
                                     f"{', '.join(DRIVER_WORDS)} in its name)")

    def check_own_header(self, path, number, component, sans_io, name):
        if name not in self.owner:
            self.fault(path, number, f"there is no public header {name}")
            return
        owner, header = self.owner[name]
        if component and owner not in COMPONENTS[component]["may_use"]:
            self.fault(path, number, f"{component} must not include {name} of {owner}")
        if sans_io and owner in SANS_IO_COMPONENTS and is_driver(header):
            self.fault(path, number, f"a sans-I/O file includes the driver {name}")

    def check_private_header(self, path, number, component, sans_io, name):
        places = [path.parent / name] + [self.root / f / name for f in COMPONENTS[component]["folders"]]
        places += [self.root / component / "src" / name]
        found = next((place.resolve() for place in places if place.is_file()), None)
        if found is None or self.component_of(found) != component:
            self.fault(path, number, f"\"{name}\" is no file of {component}; use <sluice/...> for others' headers")
        elif sans_io and is_driver(found):
            self.fault(path, number, f"a sans-I/O file includes the driver \"{name}\"")


def main(arguments):
    if len(arguments) != 1 or not Path(arguments[0], "include").is_dir():
        print("usage: check_structure.py ROOT (the folder that holds include/)", file=sys.stderr)
        return 2
    checker = Checker(arguments[0])
    files = checker.check()
    for fault in checker.faults:
        print(fault)
    print(f"{files} files, {len(checker.owner)} public headers, {len(checker.faults)} faults")
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
