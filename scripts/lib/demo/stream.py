# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""A client that reads one large response slowly, then not at all, then fast, and looks on meanwhile."""
import http.client
import json
import socket
import threading
import time

import processes
from site_server import SiteError

# Small, so that what the client has not read is soon felt at the other end.
RECEIVE_BUFFER = 256 * 1024
PIECE = 64 * 1024
LOOK_EVERY = 0.2  # seconds


class Figures:
    """What is seen at one moment. `produced` and `held` are None where nobody can be asked for them."""

    def __init__(self, delivered, size, speed, produced, held, resident):
        self.delivered, self.size, self.speed = delivered, size, speed
        self.produced, self.held, self.resident = produced, held, resident


class Stream:
    """GET /probe/stream of `size` bytes. `look` is called with Figures a few times a second."""

    def __init__(self, site, size, look):
        self.site, self.size, self.look = site, size, look
        self.delivered = 0
        self.clean_end = False
        self.stats_lock = threading.Lock()
        self.stats_bytes = 0
        self.stats_before = self.stats()
        self.pid = self.stats_before["pid"]
        self.resident_before = processes.resident_bytes(self.pid)
        self.resident_peak = self.resident_before
        self.fault = None

    def stats(self):
        """The probe's figures, with "produced" (a total since its start) less what our own asking made of it."""
        with self.stats_lock:
            body = self.site.get("/probe/stats")
            stats = json.loads(body)
            stats["produced"] -= self.stats_bytes
            self.stats_bytes += len(body)
            return stats

    def produced_since_start(self, stats):
        return stats["produced"] - self.stats_before["produced"]

    def __enter__(self):
        self.started = time.monotonic()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", self.site.port))
        self.socket.sendall(f"GET /probe/stream?bytes={self.size}&chunk=65536 HTTP/1.1\r\n"
                            f"Host: 127.0.0.1:{self.site.port}\r\n\r\n".encode())
        self.response = http.client.HTTPResponse(self.socket, method="GET")
        self.response.begin()
        if self.response.status != 200 or not self.response.chunked:
            raise SiteError(f"/probe/stream: status {self.response.status}, "
                            f"{'' if self.response.chunked else 'not '}chunked")
        self.buffer = memoryview(bytearray(PIECE))
        self.done = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.watcher.join()
        self.response.close()
        self.socket.close()
        self.seconds = time.monotonic() - self.started
        if self.clean_end:
            self.look(Figures(self.delivered, self.size, self.delivered / self.seconds, self.delivered,
                              0 if self.site.answers_while_streaming else None, processes.resident_bytes(self.pid)))

    def _watch(self):
        last_time, last_delivered = self.started, 0
        while not self.done.wait(LOOK_EVERY):
            now, delivered = time.monotonic(), self.delivered
            produced = held = None
            if self.site.answers_while_streaming:
                try:
                    stats = self.stats()
                except (OSError, http.client.HTTPException, ValueError) as fault:
                    self.fault = f"/probe/stats did not answer while streaming: {fault}"
                    continue
                produced, held = self.produced_since_start(stats), stats["held"]
            resident = processes.resident_bytes(self.pid)
            self.resident_peak = max(self.resident_peak, resident)
            speed = (delivered - last_delivered) / (now - last_time)
            last_time, last_delivered = now, delivered
            self.figures = Figures(delivered, self.size, speed, produced, held, resident)
            self.look(self.figures)

    def _read(self, most):
        """Reads a piece; False at the end of the response."""
        n = self.response.readinto(self.buffer[:most])
        self.delivered += n
        if n == 0:
            self.clean_end = True  # http.client raises when the chunk that says so is missing
        return n > 0

    def read_slowly(self, rate, seconds):
        """Reads `rate` bytes a second; False at the end of the response."""
        begin, done = time.monotonic(), 0
        while (now := time.monotonic()) < begin + seconds:
            ahead = done / rate - (now - begin)
            if ahead > 0:
                time.sleep(ahead)
            before = self.delivered
            if not self._read(PIECE):
                return False
            done += self.delivered - before
        return True

    def read_nothing(self, seconds):
        """Lets the response wait that long, and on until the app has stood still for half of it, within 10 s
        more. Returns how long it has stood still."""
        begin = still_since = time.monotonic()
        seen = None
        while True:
            now = time.monotonic()
            if (sign := self._sign_of_life()) != seen:
                seen, still_since = sign, now
            if now - begin >= seconds and (now - still_since >= seconds / 2 or now - begin >= seconds + 10):
                return now - still_since
            time.sleep(0.1)

    def _sign_of_life(self):
        """Changes while the app works on the response."""
        if self.site.answers_while_streaming:
            return self.stats()["produced"]
        return processes.processor_seconds(self.pid)

    def read_to_end(self):
        while self._read(PIECE):
            pass
