# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""The code in the documents: where it is, what is to be made of it, and one source file in which it all compiles."""

import re
import shlex
from dataclasses import dataclass

MARK = re.compile(r"<!--\s*snippet:\s*(.*?)\s*-->\s*$")
FENCE = re.compile(r"^(\s*)```\s*(\S*)\s*$")


class Fault(ValueError):
    """What is wrong with a document, and where."""


@dataclass
class Snippet:
    page: str  # relative to the project's folder
    line: int  # of its first line of code
    language: str
    mark: str  # what the comment above it says, "" without one
    code: list

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def pages(root):
    """The documents whose code is checked. Those of docs/design are history, and may show what is no more."""
    found = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]
    return [page for page in found if page.exists()]


def snippets(root):
    for page in pages(root):
        yield from snippets_of(page.read_text(encoding="utf-8").splitlines(), str(page.relative_to(root)))


def snippets_of(lines, page):
    opened = mark = None
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if opened:
            if fence and not fence[2]:
                yield opened
                opened = None
            else:
                opened.code.append(line)
        elif fence:
            opened = Snippet(page, number + 1, fence[2], mark or "", [])
            mark = None
        else:
            found = MARK.match(line)
            if mark is not None:
                raise Fault(f"{page}:{number}: the snippet's comment has to be on the line above the ```")
            mark = found[1] if found else None
    if opened:
        raise Fault(f"{opened.place}: this snippet has no end")
    if mark is not None:
        raise Fault(f"{page}: a comment about a snippet, and no snippet behind it")


# C++ ----------------------------------------------------------------------------------------------------------------------

# What stands around a piece of a function: its head, and what comes behind the piece.
AROUND = {
    "statements": ("[[maybe_unused]] sluice::task<void> statements([[maybe_unused]] sluice::request& req, "
                   "[[maybe_unused]] sluice::responder respond, [[maybe_unused]] sluice::writer& out)", "    co_return;"),
    "answer": ("[[maybe_unused]] sluice::response answer([[maybe_unused]] sluice::request& req)", ""),
    "main": ("[[maybe_unused]] int in_main([[maybe_unused]] int argc, [[maybe_unused]] char** argv, "
             "[[maybe_unused]] sluice::application my_app)", "    return 0;"),
}
BODY = re.compile(r'prints ("(?:[^"\\]|\\.)*")')
USES = re.compile(r"uses (\S+)")


def cpp_source(root, has=()):
    """All C++ of the documents as one source file, each piece in a namespace of its own. What a piece is, its comment says:

    (none)            declarations, or a whole program; functions `void test_…()` and `main` are called
    statements        what stands in a coroutine, with `req`, `respond` and `out`
    answer            what stands in a function that returns a response, with `req`
    main              what stands in `main`, with `argc`, `argv` and an app `my_app`
    fragment WHY      nothing that compiles by itself
    prints "TEXT"     a program whose app answers a GET with that
    uses LIBRARY      only where that is in `has`; may stand before the others"""
    includes, bodies, calls = [], [], []
    for s in snippets(root):
        if s.language != "cpp":
            if s.mark:
                raise Fault(f'{s.place}: "{s.mark}" is said of a snippet that is no C++')
            continue
        mark = s.mark
        if needs := USES.match(mark):
            if needs[1] not in has:
                continue
            mark = mark[needs.end():].strip()
        if mark == "fragment":
            raise Fault(f"{s.place}: a fragment needs a reason: <!-- snippet: fragment, because … -->")
        if mark.startswith("fragment"):
            continue
        prints = BODY.fullmatch(mark)
        if mark and mark not in AROUND and not prints:
            raise Fault(f'{s.place}: "{mark}" is none of {", ".join(AROUND)}, prints, fragment, uses')
        number = len(bodies)
        code = []
        for line in s.code:
            if line.startswith("#include"):
                includes.append(line.split("//")[0].strip())
                line = ""
            code.append(line)
        text = "\n".join(code)
        runs = re.search(r"^int main\(", text, re.M)
        if prints and not runs:
            raise Fault(f"{s.place}: only a program prints something")
        head = f"namespace snippet_{number} {{"
        if mark in AROUND:
            before, behind = AROUND[mark]
            head, text = f"{head}\n{before}\n{{", f"{text}\n{behind}\n}}"
        bodies.append(f'{head}\n#line {s.line} "{s.page}"\n{text}\n}} // namespace snippet_{number}\n')
        called = [f"snippet_{number}::{name}" for name in re.findall(r"^void (test_\w+)\(\)", text, re.M)]
        calls += [f'    call("{s.place}", {name});' for name in called]
        if runs:
            expected = prints[1] if prints else "nullptr"
            calls.append(f'    run_program("{s.place}", snippet_{number}::main, {expected});')
    if not bodies:
        raise Fault(f"no C++ in the documents of {root}")
    # To be included where `call(place, function)` and `run_program(place, main, text)` are known.
    return "\n".join(["// Made by scripts/doc-snippets.", "#undef NDEBUG", *sorted(set(includes)), "", *bodies,
                      '#line 1 "calls"', "static void run_snippets()", "{", *calls, "}", ""])


# Command lines ------------------------------------------------------------------------------------------------------------


INLINE = re.compile(r"`((?:sluice|scripts/[\w-]+)(?: [^`]*)?)`")


def command_lines(root):
    """Each call of one of our commands in the documents, in a snippet or within a line: its place, the command, what comes behind.
    Continued lines are one; what stands before `&&` and `|` and behind them are commands of their own."""
    for page in pages(root):
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            for inline in INLINE.findall(line):
                words = inline.split()
                yield f"{page.relative_to(root)}:{number}", words[0], words[1:]
    for s in snippets(root):
        if s.language not in ("sh", ""):
            continue
        line, at = "", s.line
        for number, text in enumerate(s.code, s.line):
            if not line:
                at = number
            line += text.rstrip("\\").rstrip() + " "
            if text.endswith("\\"):
                continue
            whole, line = line, ""
            for part in re.split(r"&&|\|\||[|;]", whole.split(" #")[0]):
                try:
                    words = shlex.split(part)
                except ValueError:
                    continue  # a shell's construct that spans lines
                if words and (words[0] == "sluice" or words[0].startswith("scripts/")):
                    yield f"{s.page}:{at}", words[0], words[1:]


def flags(words):
    """The long flags among these; those behind `--` are somebody else's."""
    for word in words:
        if word == "--":
            return
        if re.match(r"--[a-z]", word):
            yield word.split("=")[0]


def wrong_commands(root, help_of):
    """One line for each call that would be refused. `help_of(command, subcommand)` gives the text that `--help` prints, or None
    where there is no such command."""
    for place, command, words in command_lines(root):
        subcommand = words[0] if command == "sluice" and words and not words[0].startswith("-") else None
        text = help_of(command, subcommand)
        name = f"{command} {subcommand}" if subcommand else command
        if text is None:
            yield f"{place}: there is no `{name}`"
            continue
        for flag in flags(words):
            if not re.search(re.escape(flag) + r"(?![\w-])", text):
                yield f"{place}: `{name}` knows no {flag}"
