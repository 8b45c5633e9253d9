#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Checks that docs/conformance.md names tests and files that exist.

    check_conformance.py ROOT      prints each fault as `file:line: what`; exit status 1 when there is one

The tests are found in the sources, so that nothing need be built: each has the name that `ctest -N` gives it. In the
column `test` of each table there are such names, between them <br>; one that ends in "…" is the beginning of exactly
one test's name. In the column `file` there are paths, each in backticks.
"""
import re
import sys
from pathlib import Path

PAGE = "docs/conformance.md"

STRING = r'"((?:[^"\\\n]|\\.)*)"'
STRINGS = rf"((?:\s*{STRING})+)"  # adjacent ones are one
TEST_CASE = re.compile(r"^TEST_CASE\(" + STRINGS, re.M)
# const on_each_server<upload> upload_tests("R17: …", one name for each server of a table. Which of them a test is
# registered for is decided when it runs, so these are a few too many.
ON_EACH = re.compile(r"\b(on_each_\w+)<\w+>\s+\w+\(" + STRINGS)
ON_EACH_OF = re.compile(r"\busing (on_each_\w+)\s*=\s*on_each_of<(\w+),")
TABLE = re.compile(r"\b(\w+)\[\]\s*=\s*\{(.*?)\n\};", re.S)
SERVER = re.compile(r"\.name\s*=\s*" + STRING)
TEST_PREFIX = re.compile(r"catch_discover_tests\([^)]*\bTEST_PREFIX\s+" + STRING)
ADD_TEST = re.compile(r"\badd_test\(\s*NAME\s+" + STRING)
FUZZER = re.compile(r"^sluice_fuzzer\((\w+)", re.M)


def joined(literals):
    return re.sub(r"\\(.)", r"\1", "".join(re.findall(STRING, literals)))


def test_names(root):
    names = set()
    for folder in sorted(path for path in Path(root, "tests").iterdir() if path.is_dir()):
        cmake = folder / "CMakeLists.txt"
        cmake_text = cmake.read_text(encoding="utf-8") if cmake.is_file() else ""
        prefix = TEST_PREFIX.search(cmake_text)
        prefix = prefix.group(1) if prefix else ""
        names |= {name for name in ADD_TEST.findall(cmake_text) if "$" not in name}
        names |= {"fuzz: the corpus of " + name for name in FUZZER.findall(cmake_text)}
        texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.[ch]pp"))]
        tables = {table: SERVER.findall(rows) for text in texts for table, rows in TABLE.findall(text)}
        table_of = {each: table for text in texts for each, table in ON_EACH_OF.findall(text)}
        for text in texts:
            names |= {prefix + joined(match.group(1)) for match in TEST_CASE.finditer(text)}
            for match in ON_EACH.finditer(text):
                servers = tables.get(table_of.get(match.group(1)), [])
                names |= {f"{server}: {joined(match.group(2))}" for server in servers}
    return names


def columns(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def check_test(name, names):
    if not name.endswith("…"):
        return None if name in names else f"there is no test '{name}'"
    found = [each for each in names if each.startswith(name[:-1])]
    if len(found) == 1:
        return None
    return f"{len(found) or 'no'} tests begin with '{name[:-1]}'"


def check(root):
    root = Path(root)
    names = test_names(root)
    faults, checked, header = [], 0, None
    for number, line in enumerate((root / PAGE).read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            header = None
            continue
        cells = columns(line)
        if header is None:
            header = cells
            continue
        if len(cells) != len(header):
            faults.append(f"{PAGE}:{number}: {len(cells)} columns where the table has {len(header)}")
            continue
        row = dict(zip(header, cells))
        found = [check_test(name.strip(), names) for name in row.get("test", "").split("<br>")
                 if name.strip().strip("-")]
        found += [None if (root / path).is_file() else f"there is no file {path}"
                  for path in re.findall(r"`([^`]+)`", row.get("file", ""))]
        checked += len(found)
        faults += [f"{PAGE}:{number}: {fault}" for fault in found if fault]
    if not checked:
        faults.append(f"{PAGE}:1: no table with a column `test` or `file`")
    return checked, faults


def main(arguments):
    if len(arguments) != 1 or not Path(arguments[0], PAGE).is_file():
        print(f"usage: check_conformance.py ROOT (the folder that holds {PAGE})", file=sys.stderr)
        return 2
    checked, faults = check(arguments[0])
    for fault in faults:
        print(fault)
    print(f"{checked} names checked, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
