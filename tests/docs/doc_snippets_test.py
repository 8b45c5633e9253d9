#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Shows that scripts/doc-snippets finds the code of the documents, and each kind of fault in it. The argument is the compiler."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "doc-snippets"
COMPILER = sys.argv.pop() if len(sys.argv) > 1 else "c++"

# What the snippets of this test stand on, so that to compile them costs nothing.
GIVEN = """
namespace sluice { struct request {}; struct response {}; struct application {}; }
namespace { int calls = 0; template <class F> void call(const char*, F f) { f(); ++calls; }
template <class F> void run_program(const char*, F f, const char* e) { calls += f(0, nullptr) + (e ? 10 : 0); } }
"""


class DocSnippets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "docs").mkdir()
        (self.root / "README.md").write_text("```cpp\nint zero() { return 0; }\n```\n")

    def page(self, text):
        (self.root / "docs" / "a.md").write_text(text)

    def run_script(self, *arguments):
        run = subprocess.run([sys.executable, "-B", SCRIPT, "--root", self.root, *arguments], text=True, timeout=60,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return run.returncode, run.stdout

    def build(self, *arguments):
        """The compiler's exit status and words, or the script's where it refused."""
        source = self.root / "all.inc"
        status, said = self.run_script("--cpp", source, *arguments)
        if status != 0:
            return status, said
        main = self.root / "main.cpp"
        main.write_text(GIVEN + '#include "all.inc"\nint main() { run_snippets(); return calls; }\n')
        run = subprocess.run([COMPILER, "-std=c++20", "-O0", "-o", self.root / "main", main], text=True, timeout=100,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return run.returncode, run.stdout

    def test_compiles_and_calls(self):
        self.page("text\n```cpp\n#include <cstddef> // why\nstd::size_t one() { return 1; }\nvoid test_one()\n{ one(); }\n```\n"
                  "<!-- snippet: prints \"a\\n\" -->\n```cpp\nint main(int, char**) { return 1; }\n```\n"
                  "<!-- snippet: fragment, because it goes on -->\n```cpp\nint x = ...\n```\n"
                  "<!-- snippet: main -->\n```cpp\nreturn argc ? 0 : 1;\n```\n"
                  "<!-- snippet: answer -->\n```cpp\nreturn sluice::response();\n```\n"
                  "<!-- snippet: uses weir -->\n```cpp\nint y = ...\n```\n```sh\nint z = ...\n```\n")
        status, said = self.build()
        self.assertEqual((status, said), (0, ""))
        run = subprocess.run([self.root / "main"], timeout=20, check=False)
        self.assertEqual(run.returncode, 12)  # a test, a program that returns 1 and its text
        status, said = self.build("--has", "weir")
        self.assertNotEqual(status, 0)
        self.assertIn("docs/a.md:26", said)

    def test_a_broken_snippet_does_not_compile_and_its_line_is_named(self):
        for line, code in ((3, "int x = 0;\nint y = nothing;"), (2, "int x = nothing;\nint y;")):
            self.page("```cpp\n" + code + "\n```\n")
            status, said = self.build()
            self.assertNotEqual(status, 0)
            self.assertIn(f"docs/a.md:{line}", said)

    def test_marks_that_are_wrong(self):
        for page, words in (("<!-- snippet: fragment -->\n```cpp\n```\n", "docs/a.md:3: a fragment needs a reason"),
                            ("<!-- snippet: whatever -->\n```cpp\n```\n", '"whatever" is none of'),
                            ("<!-- snippet: statements -->\n\n```cpp\n```\n", "on the line above"),
                            ("<!-- snippet: statements -->\n", "no snippet behind it"),
                            ("<!-- snippet: statements -->\n```sh\nls\n```\n", "that is no C++"),
                            ('<!-- snippet: prints "a" -->\n```cpp\nint x;\n```\n', "only a program"),
                            ("```cpp\nint x;\n", "docs/a.md:2: this snippet has no end")):
            self.page(page)
            status, said = self.build()
            self.assertEqual(status, 2, page)
            self.assertIn(words, said)
        (self.root / "README.md").write_text("nothing\n")
        self.page("nothing\n")
        self.assertIn("no C++ in the documents", self.build()[1])

    def test_command_lines(self):
        (self.root / "scripts").mkdir()
        for name in ("scripts/demo", "sluice"):
            program = self.root / name
            program.write_text('#!/bin/sh\n[ "$1" = weir ] && exit 2\necho "usage: $1 --root --rooted --env -t"\n')
            program.chmod(0o755)
        good = ("```sh\nsluice run --root /srv --env A=b \\\n    --rooted\nscripts/demo --env | wc --lines\nls --none\n"
                "sluice get -t x -- --none # --none\n```\n`sluice run --root`, `scripts/demo`, `other --none`\n")
        self.page(good)
        status, said = self.run_script("--commands", str(self.root / "sluice"))
        self.assertEqual((status, said), (0, "5 command lines, 0 faults\n"))
        for page, words in (("```sh\nsluice run --roo /srv\n```\n", "docs/a.md:2: `sluice run` knows no --roo\n"),
                            ("```\nls\nsluice run \\\n  --en\n```\n", "docs/a.md:3: `sluice run` knows no --en\n"),
                            ("as `sluice get --rot x` does\n", "docs/a.md:1: `sluice get` knows no --rot\n"),
                            ("```sh\nsluice weir\n```\n", "docs/a.md:2: there is no `sluice weir`\n"),
                            ("```sh\nscripts/none\n```\n", "docs/a.md:2: there is no `scripts/none`\n")):
            self.page(page)
            status, said = self.run_script("--commands", str(self.root / "sluice"))
            self.assertEqual(status, 1, page)
            self.assertIn(words, said)


if __name__ == "__main__":
    unittest.main()
