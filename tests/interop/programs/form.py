#!/usr/bin/python3 -Wignore
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

# What Python's cgi module reads of a form: a field, the name of an uploaded file, and its bytes.
import cgi  # with a warning that it goes with 3.13 (Debian has it as python3-legacy-cgi then): -Wignore
import os
import shutil
import sys
import tempfile

tempfile.tempdir = "../run"
form = cgi.FieldStorage()
file = form["file"] if "file" in form else None
out = sys.stdout.buffer
head = ["Status: 202 Taken", "Content-Type: application/octet-stream"]
head += [f"X-{title}: {os.environ.get(title.replace('-', '_').upper(), '')}"
         for title in ("Script-Name", "Path-Info", "Query-String", "Content-Length")]
head += ["X-Method: " + os.environ["REQUEST_METHOD"], "", ""]
out.write("\n".join(head).encode())
out.write(f"{form.getfirst('name')}\n{file.filename if file is not None else ''}\n".encode())
if file is not None:
    shutil.copyfileobj(file.file, out)
