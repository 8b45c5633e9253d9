# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""A web server of our own in a private folder, with the example programs behind it."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import processes

PROGRAMS = ("01_hello", "02_countdown", "03_large_report", "probe")
LINKS = ("/01_hello", "/02_countdown", "/03_large_report?rows=1000000", "/probe/hello", "/probe/env?a=1",
         "/probe/ticks?n=10&amp;ms=500", "/probe/stream?bytes=2147483648&amp;chunk=65536", "/probe/stats")
# The bound that the demo shows. It is sluice's default; named so that nobody's environment changes it.
WINDOW = 64 * 1024


class SiteError(Exception):
    pass


def find_server(name):
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    if not found:
        raise SiteError(f"the program {name} is missing; scripts/install-deps installs it")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """Starts on entering, is gone without a trace on leaving."""

    name = ""

    def __init__(self, programs):
        self.programs = {name: Path(programs, name).resolve() for name in PROGRAMS}
        for path in self.programs.values():
            if not os.access(path, os.X_OK):
                raise SiteError(f"there is no program {path}")
        self.environment = {"SLUICE_WINDOW": str(WINDOW)}
        self.server = None
        self.port = 0

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-demo-"))
        try:
            self.prepare()
            for attempt in range(3):  # another program may take the port before the server does
                self.port = free_port()
                if self.start():
                    return self
            raise SiteError(f"{self.name} did not start; its last words:\n{self.last_words()}")
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        # A second Ctrl-C must not leave half of it behind; each step below ends by itself.
        old = {number: signal.signal(number, signal.SIG_IGN)
               for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            self.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def prepare(self):
        self.folder.chmod(0o755)
        (self.folder / "run").mkdir()
        (self.folder / "htdocs").mkdir()
        links = "".join(f'<li><a href="{path}">{path}</a>\n' for path in LINKS)
        (self.folder / "htdocs/index.html").write_text(
            f"<!DOCTYPE html>\n<title>sluice</title>\n<h1>sluice behind {self.name}</h1>\n<ul>\n{links}</ul>\n")
        if os.geteuid() == 0:
            # The servers give up root's rights, and may then not look into the folder of the build.
            (self.folder / "bin").mkdir(mode=0o755)
            for name, path in self.programs.items():
                self.programs[name] = Path(shutil.copy(path, self.folder / "bin" / name))
            shutil.chown(self.folder / "run", "www-data", "www-data")

    def start(self):
        config = self.folder / "server.conf"
        config.write_text(self.config(), encoding="utf-8")
        # A session of its own: Ctrl-C and a resized terminal are signals for us, not for the server.
        self.server = subprocess.Popen(self.command(config), stdin=subprocess.DEVNULL, start_new_session=True,
                                       stdout=open(self.folder / "output.log", "ab"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and self.server.poll() is None:
            try:
                self.get("/01_hello")
                return True
            except (OSError, http.client.HTTPException, SiteError):
                time.sleep(0.05)
        self.stop()
        return False

    def stop(self):
        if self.server:
            processes.stop_tree(self.server)
            self.server = None

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise SiteError(f"{path} answered {response.status}; {self.name}'s last words:\n{self.last_words()}")
            return body
        finally:
            connection.close()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def last_words(self):
        text = "".join(log.read_text(errors="replace") for log in sorted(self.folder.rglob("*.log")))
        return "\n".join("  " + line for line in text.splitlines()[-15:])


class Lighttpd(Site):
    name = "lighttpd"
    # It spawns one process a program, which serves many connections.
    answers_while_streaming = True

    def command(self, config):
        return [find_server("lighttpd"), "-D", "-f", str(config)]

    def config(self):
        environment = ", ".join(f'"{name}" => "{value}"' for name, value in self.environment.items())
        programs = ",\n".join(f'''    "/{name}" => ((
        "bin-path" => "{path}",
        "socket" => "{self.folder}/run/{name}.sock",
        "bin-environment" => ( {environment} ),
        "max-procs" => 1,
        "check-local" => "disable" ))''' for name, path in self.programs.items())
        user = 'server.username = "www-data"\nserver.groupname = "www-data"\n' if os.geteuid() == 0 else ""
        return f'''{user}server.modules = ( "mod_fastcgi" )
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.folder}/htdocs"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html" )
server.errorlog = "{self.folder}/run/error.log"
server.upload-dirs = ( "{self.folder}/run" )
# Pass the response on as it comes, and take no more of it than the client does.
server.stream-response-body = 2
fastcgi.server = (
{programs}
)
'''


class Apache(Site):
    name = "Apache with mod_fcgid"
    # mod_fcgid gives a process one request at a time: no other can ask it while it streams.
    answers_while_streaming = False

    def command(self, config):
        return [find_server("apache2"), "-DFOREGROUND", "-f", str(config)]

    def config(self):
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
                          for name in ("mpm_event", "authz_core", "dir", "alias", "fcgid"))
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        environment = "".join(f'FcgidInitialEnv {name} "{value}"\n' for name, value in self.environment.items())
        aliases = "".join(f'ScriptAlias "/{name}" "{path}"\n' for name, path in self.programs.items())
        folders = "".join(f'''<Directory "{folder}">
    SetHandler fcgid-script
    Options +ExecCGI
    Require all granted
</Directory>
''' for folder in sorted({path.parent for path in self.programs.values()}))
        return f'''{modules}{user}ServerRoot "{self.folder}"
DefaultRuntimeDir run
PidFile run/httpd.pid
ErrorLog run/error.log
Listen 127.0.0.1:{self.port}
ServerName localhost
DocumentRoot htdocs
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory "{self.folder}/htdocs">
    ForceType text/html
    Require all granted
</Directory>
FcgidIPCDir run
FcgidProcessTableFile run/fcgid_shm
# One process a program, so that /probe/stats speaks of the process that streamed.
FcgidMaxProcessesPerClass 1
# Pass each record on as it comes.
FcgidOutputBufferSize 0
# An upload may be larger than 128 KiB, a slow download may take longer than five minutes.
FcgidMaxRequestLen 1073741824
FcgidBusyTimeout 86400
{environment}{aliases}{folders}'''


SITES = {"lighttpd": Lighttpd, "apache": Apache}
