#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Shows that scripts/contract-table knows which tests there are for which server, makes its table of them, and finds each kind
of fault."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS / "lib"))
from contract_table import BEGIN, END, Contract, numbers_in  # noqa: E402 (the path comes first)
from test_names import all_tests  # noqa: E402

PAGE = f"""# Rules
- **R1** one.
- **R2** two.

| # | setup | must hold |
|---|---|---|
| F1 | a | b |

{BEGIN}{END}after
"""
DATA = """
[columns]
core = "no socket"
nginx = "nginx"
apache = "Apache"
[groups]
fronts = ["nginx", "apache"]
[[place]]
tests = '^core/'
column = "core"
[[place]]
tests = '^interop/\\w+: nginx'
column = "nginx"
[[place]]
tests = '^interop/\\w+: apache'
column = "apache"
[reasons]
never = "It never is."
[rules]
R1 = { title = "first" }
R2 = { title = "second", not = { fronts = "never" } }
F1 = { title = "third", not = { apache = "never" }, missing = ["core"] }
"""
TREE = {
    "docs/contract.md": PAGE,
    "docs/contract.toml": DATA,
    "tests/core/a_test.cpp": 'TEST_CASE("R1-R2: a")\n// TEST_CASE("R9: none")\n',
    "tests/interop/servers.hpp": "struct server {\n    std::string_view name;\n    family kind;\n    bool fast = false;\n};\n"
                                 'constexpr server servers[] = {\n    {.name = "nginx", .kind = family::nginx,\n'
                                 '     .fast = true},\n    {.name = "apache, a", .kind = family::apache},\n};\n'
                                 "struct other {\n    std::string_view name;\n    const server& front;\n};\n"
                                 'constexpr other others[] = {\n    {"x nginx", front_named("nginx"), start},\n'
                                 '    {"x apache", front_named("apache, a"), start},\n};\n',
    "tests/interop/on_each.hpp": "using on_each_server = on_each_of<servers, test>;\n"
                                 "using on_each_other = on_each_of<others, test>;\n"
                                 '///     const on_each_server<hello> hello_tests("R28: GET /hello");\n',
    "tests/interop/b_test.cpp": 'const on_each_server<b> b_tests("R1: b");\n'
                                'const on_each_server<c> c_tests(\n    "F1: c", "[tag]",\n'
                                "    [](const server& s) { return s.fast && s.kind == family::nginx; });\n"
                                "bool slow(const server& s)\n{\n    return !s.fast || s.kind != family::nginx;\n}\n"
                                'const on_each_server<d> d_tests("d, "\n    "slow", "", slow);\n'
                                'const on_each_other<e> e_tests("e", "", [](const other& o) {\n    return o.front.fast;\n});\n',
}


class ContractTableTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name, text in TREE.items():
            self.put(name, text)
        Contract(self.root).write()

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, name, old, new):
        text = (self.root / name).read_text(encoding="utf-8")
        self.assertIn(old, text)
        self.put(name, text.replace(old, new))

    def faults(self):
        return Contract(self.root).faults()

    def test_numbers(self):
        self.assertEqual(numbers_in("core:R9, R16: R1–R3 and (F29), F1-F2; RFC 3875, R2D2"),
                         {"R9", "R16", "R1", "R2", "R3", "F29", "F1", "F2"})

    def test_names_for_the_servers_that_a_test_wants(self):
        names = {test.name for test in all_tests(self.root)}
        self.assertEqual(names, {"R1-R2: a", "nginx: R1: b", "apache, a: R1: b", "nginx: F1: c", "apache, a: d, slow",
                                 "x nginx: e"})

    def test_the_table(self):
        self.assertEqual(self.faults(), [])
        page = (self.root / "docs/contract.md").read_text(encoding="utf-8")
        self.assertTrue(page.startswith(PAGE.partition(BEGIN)[0]))
        self.assertTrue(page.endswith(END + "after\n"))
        for line in ("| **R1** | first | [core/a] | [interop/b] | [interop/b] |", "| **R2** | second | [core/a] | – a | – a |",
                     "| **F1** | third | **missing** | [interop/b] | – a |", "- a: It never is.",
                     "[core/a]: ../tests/core/a_test.cpp"):
            self.assertIn(f"\n{line}\n", page)

    def test_each_fault_is_found(self):
        a, b, page, data = "tests/core/a_test.cpp", "tests/interop/b_test.cpp", "docs/contract.md", "docs/contract.toml"
        cases = [
            (a, '"R1-R2: a"', '"R1: a"', "R2 is in no test"),
            (a, '"R1-R2: a"', '"R1-R3: a"', "there is no R3"),
            (a, '"R1-R2: a"', '"R1-R2, F1: a"', "F1, core is recorded as missing, and is not"),
            (b, '"F1: c"', '"c"', "F1, nginx: there is no test"),
            (b, '"d, "', '"R2: d, "', "not up to date"),
            (page, "| **R1** | first | [core/a] |", "| **R1** | first | – a |", "not up to date"),
            (page, "- **R2** two.\n", "- **R2** two.\n- **R3** three.\n", "R3 is not both here and in docs/contract.md"),
            (data, "not = { fronts", "not = { core = \"never\", fronts", "R2 does not apply to core, but has a test there"),
            (data, "[reasons]\n", '[reasons]\nother = "x"\n', "nothing has the reason 'other'"),
            (data, "'^core/'", "'^cores/'", "no place of docs/contract.toml has a column for 'R1-R2: a'"),
        ]
        for name, old, new, what in cases:
            with self.subTest(what=what, change=new):
                kept = (self.root / name).read_text(encoding="utf-8")
                self.change(name, old, new)
                self.assertTrue(any(what in fault for fault in self.faults()), self.faults())
                self.put(name, kept)

    def test_what_is_not_understood_is_said(self):
        for old, new in (("s.fast && s", "s.quick && s"), ("return s.fast && s.kind == family::nginx;", "return f(s);")):
            with self.subTest(new=new):
                kept = TREE["tests/interop/b_test.cpp"]
                self.change("tests/interop/b_test.cpp", old, new)
                with self.assertRaisesRegex(ValueError, "tests/interop/b_test.cpp: the condition .* is not understood"):
                    self.faults()
                self.put("tests/interop/b_test.cpp", kept)

    def test_the_command(self):
        def run(*arguments):
            return subprocess.run([sys.executable, SCRIPTS / "contract-table", "--root", self.root, *arguments],
                                  capture_output=True, text=True, timeout=60)

        self.assertEqual(run("--check").returncode, 0)
        self.assertIn("missing, as recorded: F1, no socket", run("--check").stdout)
        self.change("docs/contract.md", "| first |", "| 1st |")
        self.assertEqual(run("--check").returncode, 1)
        self.assertEqual(run().returncode, 0)
        self.assertEqual(run("--check").returncode, 0)
        self.put("docs/contract.toml", "[columns]\n")
        self.assertEqual(run("--check").returncode, 2)


if __name__ == "__main__":
    unittest.main()
