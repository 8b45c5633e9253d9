#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Shows that check_structure.py finds each kind of fault, and finds none where there is none."""
import tempfile
import unittest
from pathlib import Path

import check_structure

HEADER = "// " + check_structure.COPYRIGHT + "\n#pragma once\n"
CLEAN_TREE = {
    "include/sluice/errc.hpp": HEADER + "#include <boost/system/error_code.hpp>\n",
    "include/sluice/task.hpp": HEADER + "#include <boost/asio/awaitable.hpp>\n",
    "src/errc.cpp": HEADER + "#include <sluice/errc.hpp>\n",
    "fcgi/include/sluice/fcgi/record.hpp": HEADER + "#include <sluice/errc.hpp>\n",
    "fcgi/include/sluice/fcgi/server.hpp": HEADER + "#include <boost/asio/io_context.hpp>\n",
    "fcgi/src/connection.hpp": HEADER + "#include <sys/socket.h>\n#include <sluice/fcgi/record.hpp>\n",
    "fcgi/src/session.cpp": HEADER + "#include <sluice/fcgi/record.hpp>\n#include <chrono>\n",
    "cgi/include/sluice/cgi/program.hpp": HEADER + "#include <sluice/task.hpp>\n",
    "libfcgi/include/sluice/libfcgi/bridge.hpp": HEADER + "#include <sluice/task.hpp>\n",
    "libfcgi/src/bridge.cpp": HEADER + "#include <sluice/fcgi/record.hpp>\n#include <sluice/cgi/program.hpp>\n",
    "run/include/sluice/run.hpp": HEADER + "#include <sluice/fcgi/server.hpp>\n#include <sluice/cgi/program.hpp>\n",
    "examples/hello.cpp": HEADER + "#include <sluice/run.hpp>\n",
}


def faults_of(changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**CLEAN_TREE, **changes}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        checker = check_structure.Checker(folder)
        checker.check()
        return checker.faults


class CheckStructureTest(unittest.TestCase):
    def test_clean_tree(self):
        self.assertEqual(faults_of({}), [])

    def test_each_fault_is_found(self):
        cases = [
            # file, its lines, what the one fault must say
            ("src/errc.cpp", "#include <sluice/fcgi/record.hpp>", "core must not include"),
            ("include/sluice/errc.hpp", "#include <sluice/run.hpp>", "core must not include"),
            ("include/sluice/errc.hpp", "#include <boost/asio/ip/tcp.hpp>", "core opens no socket"),
            ("src/errc.cpp", "#include <boost/asio.hpp>", "core opens no socket"),
            ("fcgi/src/session.cpp", "#include <sluice/cgi/program.hpp>", "fcgi must not include"),
            ("cgi/include/sluice/cgi/program.hpp", "#include <sluice/fcgi/record.hpp>", "cgi must not include"),
            ("cgi/include/sluice/cgi/program.hpp", "#include <sluice/run.hpp>", "cgi must not include"),
            ("cgi/src/session.cpp", "#include <sluice/libfcgi/bridge.hpp>", "cgi must not include"),
            ("libfcgi/src/bridge.cpp", "#include <sluice/run.hpp>", "libfcgi must not include"),
            ("fcgi/src/session.cpp", "  #  include <boost/asio/io_context.hpp>", "sans-I/O file includes boost"),
            ("fcgi/src/session.cpp", "#include <boost/asio.hpp>", "sans-I/O file includes boost"),
            ("fcgi/src/client_session.cpp", "#include <boost/asio.hpp>", "sans-I/O file includes boost"),
            ("fcgi/src/session.cpp", "#include <sys/socket.h>", "sans-I/O file includes sys"),
            ("cgi/src/head_parser.cpp", "#include <unistd.h>", "sans-I/O file includes unistd"),
            ("fcgi/src/truncated.cpp", "#include <sys/uio.h>", "sans-I/O file includes sys"),
            ("fcgi/src/session.cpp", "#include <sluice/fcgi/server.hpp>", "includes the driver"),
            ("fcgi/src/session.cpp", '#include "connection.hpp"', "includes the driver"),
            ("fcgi/src/session.cpp", "auto t = std::chrono::steady_clock::now();", "asks a clock"),
            ("fcgi/src/session.cpp", '#include "../../cgi/include/sluice/cgi/program.hpp"', "is no file of fcgi"),
            ("examples/hello.cpp", "#include <sluice/absent.hpp>", "there is no public header"),
            ("tests/long_test.cpp", "\n" * 600, "600 are the most"),
        ]
        for name, lines, what in cases:
            with self.subTest(file=name, lines=lines[:60]):
                faults = faults_of({name: HEADER + lines + "\n"})
                self.assertEqual(len(faults), 1, faults)
                self.assertTrue(faults[0].startswith(name + ":"), faults)
                self.assertIn(what, faults[0])

    def test_copyright_and_pragma(self):
        self.assertIn("copyright", faults_of({"src/a.cpp": "int a;\n"})[0])
        self.assertIn("#pragma once", faults_of({"src/a.hpp": "// " + check_structure.COPYRIGHT + "\n"})[0])

    def test_comments_are_no_includes(self):
        text = HEADER + "// #include <boost/asio.hpp>\n/*\n#include <unistd.h>\n*/\n"
        self.assertEqual(faults_of({"fcgi/src/session.cpp": text}), [])

    def test_drivers_may_do_io(self):
        text = HEADER + "#include <boost/asio/ip/tcp.hpp>\n#include <unistd.h>\n#include \"connection.hpp\"\n"
        self.assertEqual(faults_of({"fcgi/src/server.cpp": text}), [])
        self.assertEqual(faults_of({"fcgi/src/client.cpp": text}), [])


if __name__ == "__main__":
    unittest.main()
