# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The gateways for CGI programs that are measured: each with a full configuration of its own, on the server's core."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from .others import Watch
from .server import BenchError, Load, clean_environment, on_core

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "cgi"
MODULES = pathlib.Path("/usr/lib/apache2/modules")

# Names in the site, and where they come from: the build's programs, or bench/cgi.
PROGRAMS = {"hello": "cgi_hello", "hello_static": "cgi_hello_static", "stream": "cgi_stream",
            "first_piece": "cgi_first_piece", "hello.sh": None, "hello.pl": None, "hello_cgi_pm.pl": None}


class Site:
    """A folder of CGI programs that every gateway serves, whatever user it becomes."""

    def __init__(self, setup):
        self.setup = setup
        self.folder = setup.folder / "site"
        if self.folder.exists():
            return
        setup.folder.chmod(0o711)  # Apache's processes are not root's, even if this is run by root
        (self.folder / "cgi-bin").mkdir(parents=True)
        for name, built in PROGRAMS.items():
            source = setup.program(built) if built else SCRIPTS / name
            shutil.copy(source, self.program(name))
            self.program(name).chmod(0o755)

    def program(self, name):
        return self.folder / "cgi-bin" / name


def find(name, package):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if not found:
        raise BenchError(f"{name} is missing: install {package}")
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Gateway:
    """A gateway on its unix socket, or a web server on a free port of the loopback interface; ended with the with
    block."""

    http = False  # else FastCGI
    port = None

    def __init__(self, setup, kind, at_once=1):
        self.setup = setup
        self.site = Site(setup)
        self.kind = kind
        self.folder = setup.folder / f"{kind}-{time.monotonic_ns()}"
        self.folder.mkdir(mode=0o755)
        self.log_path = self.folder / "log"
        self.address = f"unix:{self.folder}/socket"
        arguments = self.arguments(at_once)
        with open(self.log_path, "wb") as log:
            # A group of its own: fcgiwrap's parent does not end its children.
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(),
                start_new_session=True, preexec_fn=on_core(setup.server_core))

    def arguments(self, at_once):
        """The command line, after what it needs was written into self.folder."""
        raise NotImplementedError

    def __enter__(self):
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + 10
        while True:
            self.check_alive()
            try:
                self._connect().close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise BenchError(f"{self.kind} does not listen: {error}; {self.log_tail()}") from error
                time.sleep(0.01)

    def _connect(self):
        if self.port:
            return socket.create_connection(("127.0.0.1", self.port), timeout=1)
        one = socket.socket(socket.AF_UNIX)
        try:
            one.connect(str(self.folder / "socket"))
        except OSError:
            one.close()
            raise
        return one

    def check_alive(self):
        if self.process.poll() is not None:
            raise BenchError(f"{self.kind} ended with {self.process.returncode}: {self.log_tail()}")

    def log_tail(self):
        return self.log_path.read_text(errors="replace").strip()[-500:]

    def end(self):
        for ending in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, ending)
                self.process.wait(timeout=5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.process.wait()

    def run(self, mode, program, query, *options):
        """One run of the load client; connections are closed after each answer."""
        path = f"/cgi-bin/{program}" + (f"?{query}" if query else "")
        script = () if self.http else ("--script", self.site.program(program))
        watch = Watch(self.setup)
        load = Load(self, mode, path, "--closed", *script, *options)
        try:
            return watch.finish(load.result())
        finally:
            load.stop()


class Sluice(Gateway):
    def arguments(self, at_once):
        if not self.setup.command:
            raise BenchError("with --probe, --command says which `sluice` is measured")
        return [self.setup.command, "run", "--root", str(self.site.folder / "cgi-bin"), "--fastcgi", self.address]


class Fcgiwrap(Gateway):
    def arguments(self, at_once):
        return [find("fcgiwrap", "fcgiwrap"), "-c", str(at_once), "-s", self.address]


class WebServer(Gateway):
    http = True

    def arguments(self, at_once):
        self.port = free_port()
        self.address = f"http:tcp:127.0.0.1:{self.port}"
        config = self.folder / "config"
        config.write_text(self.config())
        return self.command(str(config))


class Lighttpd(WebServer):
    def command(self, config):
        return [find("lighttpd", "lighttpd"), "-D", "-f", config]

    def config(self):
        return f"""server.modules = ("mod_cgi")
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.site.folder}"
server.upload-dirs = ("{self.folder}")
server.stream-response-body = 2
$HTTP["url"] =~ "^/cgi-bin/" {{ cgi.assign = ("" => "") }}
"""


class Apache(WebServer):
    def command(self, config):
        return [find("apache2", "apache2-bin"), "-f", config, "-DFOREGROUND"]

    def config(self):
        modules = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n"
                          for name in ("mpm_event", "authz_core", "alias", "cgid"))
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        self.folder.chmod(0o777 if user else 0o755)  # mod_cgid's socket is made by that user
        return f"""{modules}{user}ServerRoot "{self.folder}"
ServerName localhost
Listen 127.0.0.1:{self.port}
DefaultRuntimeDir "{self.folder}"
PidFile "{self.folder}/pid"
ErrorLog "{self.log_path}"
LogLevel warn
DocumentRoot "{self.site.folder}"
StartServers 1
ServerLimit 1
ThreadsPerChild 32
MaxRequestWorkers 32
ScriptSock "{self.folder}/cgid"
ScriptAlias "/cgi-bin/" "{self.site.folder}/cgi-bin/"
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
<Directory "{self.site.folder}">
    Require all granted
</Directory>
"""


class BareCopy(Gateway):
    """The ceiling of a stream: pipe to unix socket by read and send; it says HTTP's status line, so that its client can
    check what comes."""

    http = True

    def __init__(self, setup, program, size):
        self.options = ["--bytes", str(size), str(Site(setup).program(program))]
        super().__init__(setup, "bare copy")

    def arguments(self, at_once):
        arguments = [self.setup.program("bare_cgi"), "copy", "--socket", str(self.folder / "socket"), *self.options]
        self.address = "http:" + self.address
        return arguments


KINDS = {"sluice": Sluice, "fcgiwrap": Fcgiwrap, "lighttpd": Lighttpd, "Apache": Apache}
