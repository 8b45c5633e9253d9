#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Shows that check_conformance.py knows tests as ctest names them, and finds each kind of fault on the page."""
import tempfile
import unittest
from pathlib import Path

import check_conformance

TREE = {
    "src/a.cpp": "",
    "tests/core/CMakeLists.txt": 'catch_discover_tests(core_tests TEST_PREFIX "core:" EXTRA_ARGS x)\n',
    "tests/core/a_test.cpp": 'TEST_CASE("a: one")\n'
                             'TEST_CASE(\n    "a: two, "\n    "and \\"more\\"")\n'
                             'TEST_CASE("a: three", "[tag]")\n'
                             '// TEST_CASE("a: four")\n',
    "tests/structure/CMakeLists.txt": 'add_test(NAME "structure: five"\n    COMMAND x)\n',
    "tests/fuzz/CMakeLists.txt": '    add_test(NAME "fuzz: the corpus of ${name}" COMMAND x)\nsluice_fuzzer(six a.cpp)\n',
    "tests/interop/servers.hpp": 'inline constexpr server servers[] = {\n    {.name = "nginx",\n     .x = 1},\n'
                                 '    {.name = "apache, kept"},\n};\n',
    "tests/interop/others.hpp": 'inline constexpr other others[] = {\n    {.name = "lighttpd"},\n};\n',
    "tests/interop/on_each.hpp": "using on_each_server = on_each_of<servers, test>;\n"
                                 "using on_each_other = on_each_of<others, test>;\n",
    "tests/interop/seven_test.cpp": 'const on_each_server<seven> seven_tests("R7: seven", "[tag]");\n'
                                    'const on_each_other<eight> eight_tests(\n    "eight", "");\n',
}
HEAD = "| section | file | test |\n|---|---|---|\n"


def faults_of(page):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**TREE, check_conformance.PAGE: page}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return check_conformance.check(folder)[1]


class CheckConformanceTest(unittest.TestCase):
    def test_names_as_ctest_has_them(self):
        for name in ("core:a: one", 'core:a: two, and "more"', "core:a: three", "core:a: th…", "structure: five",
                     "fuzz: the corpus of six", "nginx: R7: seven", "apache, kept: R7: seven", "lighttpd: eight",
                     "core:a: one<br>core:a: three", ""):
            with self.subTest(name=name):
                self.assertEqual(faults_of(f"{HEAD}| 1 | `src/a.cpp` | {name} |\n"), [])

    def test_each_fault_is_found(self):
        cases = [
            ("core: a: one", "there is no test"),
            ("core:a: on", "there is no test"),
            ("core:a: one more…", "no tests begin"),
            ("core:a: t…", "2 tests begin"),
            ("core:a: four", "there is no test"),
            ("nginx: eight", "there is no test"),
            ("core:a: one<br>core:a: none", "there is no test 'core:a: none'"),
        ]
        for name, what in cases:
            with self.subTest(name=name):
                faults = faults_of(f"{HEAD}| 1 | `src/a.cpp` | {name} |\n")
                self.assertEqual(len(faults), 1, faults)
                self.assertTrue(faults[0].startswith("docs/conformance.md:3: "), faults)
                self.assertIn(what, faults[0])

    def test_files(self):
        self.assertIn("no file src/b.cpp", faults_of(f"{HEAD}| 1 | `src/a.cpp`, `src/b.cpp` | |\n")[0])

    def test_every_table_counts_and_a_row_has_all_columns(self):
        page = f"{HEAD}| 1 | | core:a: one |\n\nText.\n\n{HEAD}| 1 | | core:a: none |\n"
        self.assertIn("docs/conformance.md:9: there is no test", faults_of(page)[0])
        self.assertIn("2 columns", faults_of(f"{HEAD}| 1 | core:a: one |\n")[0])
        self.assertIn("no table", faults_of("Text.\n")[0])


if __name__ == "__main__":
    unittest.main()
