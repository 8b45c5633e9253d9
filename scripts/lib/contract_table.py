# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The table of docs/contract.md: a row a rule or scenario, a column a transport, in each cell the files with its tests, or why
there are none. docs/contract.toml says how it is made; its own comment says what stands in it."""
import re
import tomllib
from collections import defaultdict
from pathlib import Path

from test_names import all_tests

PAGE = "docs/contract.md"
DATA = "docs/contract.toml"
BEGIN = "<!-- Made by scripts/contract-table from the names of the tests; change docs/contract.toml, not this. -->\n"
END = "<!-- The end of what scripts/contract-table made. -->\n"
STATED = re.compile(r"^(?:- \*\*|\| )([RF]\d+)(?:\*\*| \|) ", re.M)  # a rule, or a scenario's row
NUMBERS = re.compile(r"\b([RF])(\d+)(?:[-–]\1(\d+))?\b")
KINDS = {"R": "Rules", "F": "Failure scenarios"}


def numbers_in(name):
    """R1–R3, F4: R1, R2, R3 and F4."""
    return {f"{kind}{n}" for kind, first, last in NUMBERS.findall(name) for n in range(int(first), int(last or first) + 1)}


def label(file):
    return file.removeprefix("tests/").removesuffix("_test.cpp")


class Contract:
    def __init__(self, root):
        self.root = Path(root)
        self.page = (self.root / PAGE).read_text(encoding="utf-8")
        data = tomllib.loads((self.root / DATA).read_text(encoding="utf-8"))
        self.columns, self.groups, self.reasons, self.rules = (data[part] for part in ("columns", "groups", "reasons", "rules"))
        self.places = [(re.compile(place["tests"]), place["column"]) for place in data["place"]]
        self.numbers = STATED.findall(self.page.partition(BEGIN)[0])
        self.found = []    # faults
        self.missing = []  # as recorded
        self.numbered = 0
        self.files = self.place_tests()
        self.cells = {(number, column): self.cell(number, column) for number in self.numbers for column in self.columns}
        self.check_data()

    def place_tests(self):
        """The files of the tests for each number and column."""
        files = defaultdict(set)
        for test in all_tests(self.root):
            numbers = numbers_in(test.name)
            if not numbers:
                continue
            self.numbered += 1
            where = f"{label(test.file)}: {test.name}"
            column = next((column for tests, column in self.places if tests.search(where)), None)
            if column not in self.columns:
                self.found.append(f"{test.file}: no place of {DATA} has a column for '{test.name}'")
            for number in sorted(numbers):
                if number not in self.numbers:
                    self.found.append(f"{test.file}: there is no {number}, of which '{test.name}' speaks")
                files[number, column].add(test.file)
        return files

    def exceptions(self, number):
        """Where the rule does not apply, for each column the reason. What is said of a group, a column of it may say otherwise."""
        said = self.rules.get(number, {}).get("not", {})
        reasons = {column: said[group] for group, columns in self.groups.items() if group in said for column in columns}
        return {**reasons, **{column: reason for column, reason in said.items() if column not in self.groups}}

    def cell(self, number, column):
        if self.files[number, column]:
            return "<br>".join(f"[{label(file)}]" for file in sorted(self.files[number, column]))
        reason = self.exceptions(number).get(column)
        if reason:
            return "– " + self.letter(reason)
        where = f"{number}, {self.columns[column]}"
        if column in self.rules.get(number, {}).get("missing", []):
            self.missing.append(where)
        else:
            self.found.append(f"{DATA}: {where}: there is no test, and neither a reason nor a record that it is missing")
        return "**missing**"

    def letter(self, reason):
        if reason not in self.reasons:
            raise ValueError(f"{DATA}: there is no reason '{reason}'")
        return chr(ord("a") + list(self.reasons).index(reason))

    def check_data(self):
        """What is said in the data and is not so, or no longer."""
        fault = lambda what: self.found.append(f"{DATA}: {what}")
        for number in sorted(set(self.numbers) ^ set(self.rules)):
            fault(f"{number} is not both here and in {PAGE}")
        if not self.numbers or len(set(self.numbers)) != len(self.numbers):
            fault(f"the numbers of {PAGE} are not each there once")
        for number in self.numbers:
            if not any(self.files[number, column] for column in self.columns) and \
                    "core" not in self.rules.get(number, {}).get("missing", []):
                fault(f"{number} is in no test")
        for number, rule in self.rules.items():
            for name in rule.get("not", {}):
                columns = self.groups.get(name, [name])
                if all(self.files[number, column] for column in columns):
                    fault(f"{number} does not apply to {name}, but has a test there")
            for column in rule.get("missing", []):
                if column not in self.columns or self.files[number, column]:
                    fault(f"{number}, {column} is recorded as missing, and is not")
        used = {reason for number in self.numbers for reason in self.exceptions(number).values()}
        for reason in sorted(set(self.reasons) - used):
            fault(f"nothing has the reason '{reason}'")

    def table(self):
        lines = []
        for kind, heading in KINDS.items():
            lines += [f"### {heading}", "", "| | | " + " | ".join(self.columns.values()) + " |", "|---" * (len(self.columns) + 2) + "|"]
            for number in (number for number in self.numbers if number.startswith(kind)):
                cells = [self.cells[number, column] for column in self.columns]
                title = self.rules.get(number, {}).get("title", "")
                lines.append(f"| **{number}** | {title} | " + " | ".join(cells) + " |")
            lines.append("")
        lines += ["Why there is no test:", ""]
        lines += [f"- {self.letter(reason)}: {text}" for reason, text in self.reasons.items()] + [""]
        shown = sorted({file for (number, _), files in self.files.items() if number in self.numbers for file in files})
        lines += [f"[{label(file)}]: ../{file}" for file in shown]
        return BEGIN + "\n" + "\n".join(lines) + "\n\n" + END

    def whole_page(self):
        before, begin, rest = self.page.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"{PAGE} does not have the two lines between which the table stands")
        return before + self.table() + after

    def write(self):
        self.page = self.whole_page()
        (self.root / PAGE).write_text(self.page, encoding="utf-8")

    def faults(self):
        stale = [] if self.page == self.whole_page() else [f"{PAGE}: the table is not up to date; run scripts/contract-table"]
        return self.found + stale
