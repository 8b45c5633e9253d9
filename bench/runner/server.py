# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The servers that are measured, and the load client, as child processes."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time


PEERS = pathlib.Path(__file__).resolve().parent.parent / "peers"


class BenchError(Exception):
    """A run that gave no figure: a wrong answer, a server that died, something out of time."""


class Setup:
    """Where everything is, and on which core it runs."""

    def __init__(self, programs, probe, command, folder, server_core, client_core):
        self.programs = pathlib.Path(programs)
        self.probe = probe
        self.command = command  # `sluice`
        self.folder = pathlib.Path(folder)
        self.server_core = server_core
        self.client_core = client_core

    def program(self, name):
        return str(self.programs / name)


def raise_open_files():
    """A thousand connections need more than the usual soft limit of 1024; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def clean_environment(extra=None):
    """This process's environment without SLUICE_* settings a user may have, quiet log."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "MALLOC_COUNT"))}
    env["SLUICE_LOG_LEVEL"] = "warn"
    env.update(extra or {})
    return env


def on_core(core):
    return lambda: os.sched_setaffinity(0, {core})


def busy_seconds(core):
    """Processor time a core has spent on anything but idling, also what a hypervisor took."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return 0.0


def wait_for_quiet(cores, longest):
    """Until nothing else runs on these cores, or for so many seconds. Returns what it waited."""
    began = time.monotonic()
    while True:
        look, before = time.monotonic(), [busy_seconds(core) for core in cores]
        time.sleep(0.3)
        busiest = max(busy_seconds(core) - was for core, was in zip(cores, before))
        waited = time.monotonic() - began
        if busiest / (time.monotonic() - look) < 0.07 or waited >= longest:
            return waited


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Server:
    """One server on its unix socket, or on TCP as its descriptor 0, pinned to the server's core; ended with the with
    block."""

    def __init__(self, setup, kind, threads=1, env=None, tcp=False):
        self.setup = setup
        self.kind = kind
        self.path = str(setup.folder / f"{kind}-{threads}-{time.monotonic_ns()}.sock")
        self.address = "unix:" + self.path
        self.log_path = self.path + ".log"
        socket_options = [] if tcp else ["--socket", self.path]
        arguments = {
            "sluice": [setup.probe, "--threads", str(threads), *([] if tcp else ["--fastcgi", self.address])],
            "libfcgi": [setup.program("libfcgi_peer"), "--threads", str(threads), *socket_options],
            "ceiling": [setup.program("ceiling"), *socket_options],
            "ceiling1": [setup.program("ceiling"), *socket_options, "--records", "1"],
            "go": [setup.program("go_peer"), *socket_options],
            "anyevent": ["perl", str(PEERS / "anyevent_peer.pl"), self.path],
        }[kind]
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(open(self.log_path, "wb"))
            listener = subprocess.DEVNULL
            if tcp:
                listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
                self.address = "tcp:127.0.0.1:%d" % listener.getsockname()[1]
            self.process = subprocess.Popen(
                arguments,
                stdin=listener,
                stdout=log,
                stderr=log,
                env=clean_environment(env),
                preexec_fn=on_core(setup.server_core),
            )

    def __enter__(self):
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + 10
        while self.address.startswith("unix:"):
            self.check_alive()
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.path)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise BenchError(f"{self.kind} does not listen: {error}") from error
                time.sleep(0.01)
        self.get("/hello")

    def check_alive(self):
        if self.process.poll() is not None:
            raise BenchError(f"{self.kind} ended with {self.process.returncode}: {self.log_tail()}")

    def log_tail(self):
        text = pathlib.Path(self.log_path).read_text(errors="replace").strip()
        return text[-500:]

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        pathlib.Path(self.path).unlink(missing_ok=True)

    def get(self, path):
        """The body of a small answer."""
        got = subprocess.run(
            [self.setup.program("fcgi_load"), "get", "--connect", self.address, "--path", path,
             "--deadline", "10"],
            capture_output=True, timeout=15, check=False,
        )
        if got.returncode != 0:
            raise BenchError(f"{self.kind}: GET {path}: {got.stderr.decode(errors='replace').strip()}")
        return got.stdout.decode(errors="replace")

    def stats(self):
        """GET /stats of sluice's probe, flattened: {"pool.blocks.peak": 3, ...}."""
        flat = {}

        def flatten(prefix, value):
            if isinstance(value, dict):
                for name, inner in value.items():
                    flatten(f"{prefix}.{name}" if prefix else name, inner)
            else:
                flat[prefix] = value

        flatten("", json.loads(self.get("/stats")))
        return flat

    def cpu_seconds(self):
        # The name in brackets may hold spaces; utime and stime are fields 14 and 15.
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """KiB from smaps_rollup, which is exact where VmRSS lags by up to a few hundred KiB."""
        out = {}
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("Rss", "Pss", "Anonymous"):
                out[name] = int(value.split()[0])
        return out

    def settled_memory(self, longest=3.0):
        """Memory once three looks 100 ms apart agree, or after that many seconds."""
        deadline = time.monotonic() + longest
        same, before = 0, self.memory()
        while same < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.memory()
            same = same + 1 if now == before else 0
            before = now
        return before


class Load:
    """One run of the load client, pinned to the client's core."""

    def __init__(self, server, mode, path, *options, timeout=120):
        self.server = server
        self.timeout = timeout
        self.what = f"{server.kind}: {mode} {path}"
        self.process = subprocess.Popen(
            [server.setup.program("fcgi_load"), mode, "--connect", server.address, "--path", path,
             "--deadline", str(timeout), *map(str, options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=on_core(server.setup.client_core),
        )

    def running(self):
        return self.process.poll() is None

    def result(self):
        """The client's JSON. A single wrong answer makes it a BenchError."""
        try:
            out, err = self.process.communicate(timeout=self.timeout + 10)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise BenchError(f"{self.what}: not finished in time") from error
        self.server.check_alive()
        if self.process.returncode != 0:
            raise BenchError(f"{self.what}: {err.strip() or out.strip()}")
        return json.loads(out)

    def stop(self):
        if self.running():
            self.process.kill()
            self.process.communicate()


def run_load(server, mode, path, *options, timeout=120):
    """Runs the client to its end. Adds "server_cpu_s", the server's processor time, and
    "foreign": the larger share of one of the two cores that something else took meanwhile."""
    setup = server.setup
    cores = (setup.server_core, setup.client_core)
    began, server_before, client_before = time.monotonic(), server.cpu_seconds(), children_seconds()
    busy_before = [busy_seconds(core) for core in cores]
    load = Load(server, mode, path, *options, timeout=timeout)
    try:
        result = load.result()
    finally:
        if load.running():
            load.stop()
    elapsed = time.monotonic() - began
    ours = (server.cpu_seconds() - server_before, children_seconds() - client_before)
    result["server_cpu_s"] = ours[0]
    result["foreign"] = max(
        (busy_seconds(core) - before - own) / elapsed
        for core, before, own in zip(cores, busy_before, ours))
    return result
