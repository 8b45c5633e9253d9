# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Finds the names of all tests in the sources, as `ctest -N` shows them, so that nothing need be built.

A test that tests/interop/on_each_server.hpp registers has one name for each server of its table, and only for those that
its condition wants. To know them, the tables and conditions are read too; what is not understood is an error, not left out.
"""
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

STRING = r'"((?:[^"\\\n]|\\.)*)"'
STRINGS = rf"(?:\s*{STRING})+"  # adjacent ones are one
TEST_CASE = re.compile(rf"^TEST_CASE\(({STRINGS})", re.M)
ADD_TEST = re.compile(r"\badd_test\(\s*NAME\s+" + STRING)
FUZZER = re.compile(r"^sluice_fuzzer\((\w+)", re.M)
TEST_PREFIX = re.compile(r"catch_discover_tests\([^)]*\bTEST_PREFIX\s+" + STRING)

# const on_each_server<upload> upload_tests("R17: …", "[tag]", condition);
ON_EACH = re.compile(rf"^const (on_each_\w+)<\w+>\s+\w+\(({STRINGS})(?:\s*,{STRINGS})?(?:\s*,\s*([^;]+?(?:;\s*\}})?))?\s*\);", re.M)
ON_EACH_OF = re.compile(r"\busing (on_each_\w+)\s*=\s*on_each_of<(\w+),")
CONDITION = re.compile(r"\(const \w+& (\w+)\)\s*\{\s*return ([^;]+);\s*\}")
FUNCTION = re.compile(r"^bool (\w+)(\(const \w+& \w+\)\s*\{\s*return [^;]+;\s*\})", re.M)

STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.M | re.S)
DEFAULT = re.compile(r"^    [\w:]+ (\w+) = ([^;]+);", re.M)
TABLE = re.compile(r"\b(\w+) (\w+)\[\]\s*=\s*\{(.*?)\n\};", re.S)
ROW = re.compile(r'\{((?:[^{}"]|"[^"]*")*)\}')
MEMBER = re.compile(r"\.(\w+)\s*=\s*(" + STRING + r"|[\w:]+)")
# A row without names of members: {"scripts, nginx", front_named("nginx, streaming"), …}
POSITIONAL = re.compile(rf"\s*{STRING},\s*(\w+)_named\({STRING}\)")


class Test(NamedTuple):
    file: str    # relative to the project's folder
    name: str
    prefix: str  # what ctest puts in front of the name


def joined(literals):
    return re.sub(r"\\(.)", r"\1", "".join(re.findall(STRING, literals)))


def value(text):
    if text.startswith('"'):
        return text[1:-1]
    return {"true": True, "false": False}.get(text, text.split("::")[-1])


class Servers:
    """The tables of servers of a folder's sources, and the conditions by which tests choose among them."""

    def __init__(self, texts):
        text = "\n".join(texts)
        self.table_of = dict(ON_EACH_OF.findall(text))
        self.functions = dict(FUNCTION.findall(text))
        defaults = {name: {member: value(v) for member, v in DEFAULT.findall(body)} for name, body in STRUCT.findall(text)}
        self.tables, by_name = {}, {}
        for struct, table, rows in TABLE.findall(text):
            members = [{member: value(v) for member, v, _ in MEMBER.findall(row)} or self.positional(row)
                       for row in ROW.findall(rows)]
            self.tables[table] = [SimpleNamespace(**{**defaults.get(struct, {}), **row}) for row in members if "name" in row]
            by_name.update({server.name: server for server in self.tables[table]})
        for server in by_name.values():
            if hasattr(server, "front"):
                server.front = by_name.get(server.front)

    @staticmethod
    def positional(row):
        match = POSITIONAL.match(row)
        return {"name": match[1], match[2]: match[3]} if match else {}

    def wanted(self, on_each, condition):
        """The names of the servers for which `on_each` registers a test."""
        servers = self.tables.get(self.table_of.get(on_each), [])
        if not servers:
            raise ValueError(f"{on_each} has no table of servers")
        if not condition:
            return [server.name for server in servers]
        match = CONDITION.search(self.functions.get(condition, condition))
        if not match:
            raise ValueError(f"the condition '{condition}' is not understood")
        parameter, expression = match.groups()
        expression = re.sub(r"\b\w+::(\w+)", r"'\1'", expression)
        expression = expression.replace("&&", " and ").replace("||", " or ")
        expression = re.sub(r"!(?!=)", " not ", expression).strip()
        try:
            code = compile(expression, "condition", "eval")
            return [server.name for server in servers if eval(code, {"__builtins__": {}}, {parameter: server})]
        except (SyntaxError, AttributeError, NameError) as error:
            raise ValueError(f"the condition '{expression}' is not understood: {error}") from error


def all_tests(root):
    """Each test of the project once. Throws ValueError."""
    tests = set()
    for folder in sorted(path for path in Path(root, "tests").iterdir() if path.is_dir()):
        cmake = folder / "CMakeLists.txt"
        cmake_text = cmake.read_text(encoding="utf-8") if cmake.is_file() else ""
        cmake_file = cmake.relative_to(root).as_posix()
        prefix = TEST_PREFIX.search(cmake_text)
        prefix = prefix[1] if prefix else ""
        tests |= {Test(cmake_file, name, "") for name in ADD_TEST.findall(cmake_text) if "$" not in name}
        tests |= {Test(cmake_file, "fuzz: the corpus of " + name, "") for name in FUZZER.findall(cmake_text)}
        texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
                 for path in sorted(folder.rglob("*.[ch]pp"))}
        servers = Servers(texts.values())
        for file, text in texts.items():
            tests |= {Test(file, joined(match[1]), prefix) for match in TEST_CASE.finditer(text)}
            for match in ON_EACH.finditer(text):
                try:
                    names = servers.wanted(match[1], match[5] and match[5].strip())
                except ValueError as error:
                    raise ValueError(f"{file}: {error}") from error
                tests |= {Test(file, f"{name}: {joined(match[2])}", prefix) for name in names}
    return sorted(tests)
