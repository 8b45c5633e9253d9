#!/usr/bin/python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

# The request's body backwards, byte by byte.
import os
import sys

body = sys.stdin.buffer.read(int(os.environ.get("CONTENT_LENGTH") or 0))
out = sys.stdout.buffer
out.write(b"Content-Type: application/octet-stream\r\n")
out.write(b"Content-Length: %d\r\n" % len(body))
for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH"):
    title = name.removeprefix("REQUEST_").replace("_", "-").title()
    out.write(os.fsencode(f"X-{title}: {os.environ.get(name, '')}\r\n"))
out.write(b"\r\n")
out.write(body[::-1])
