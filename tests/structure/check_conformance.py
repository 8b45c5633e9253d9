#!/usr/bin/env python3
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Checks that docs/conformance.md names tests and files that exist.

    check_conformance.py ROOT      prints each fault as `file:line: what`; exit status 1 when there is one

The tests are found in the sources (scripts/lib/test_names.py), each with the name that `ctest -N` gives it. In the
column `test` of each table there are such names, between them <br>; one that ends in "…" is the beginning of exactly
one test's name. In the column `file` there are paths, each in backticks.
"""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))
from test_names import all_tests  # noqa: E402 (the path comes first)

PAGE = "docs/conformance.md"


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
    names = {test.prefix + test.name for test in all_tests(root)}
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
