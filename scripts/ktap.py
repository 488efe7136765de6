# SPDX-License-Identifier: MIT
"""Reads what `selftest` prints on the console: KTAP, version 1; and which of its failures are known
to be QEMU's."""
import dataclasses
import fnmatch
import os
import pathlib
import re
import subprocess

DEFECTS = pathlib.Path(__file__).resolve().parents[1] / "tests/conformance/defects.txt"


@dataclasses.dataclass
class Test:
    name: str
    status: str  # pass, fail or skip
    reason: str = ""  # why it was skipped
    diagnostics: tuple = ()
    known: bool = False  # failed, and is known to: a defect of the emulator


@dataclasses.dataclass
class Results:
    seed: int
    tests: list

    def count(self, status):
        return sum(test.status == status for test in self.tests)

    def unexpected(self, qemu=None):
        """Tests that failed, but for those that find a known defect of QEMU."""
        known = known_defects(qemu or qemu_version())
        return [test for test in self.tests
                if test.status == "fail" and not is_known(test.name, known)]


class Malformed(Exception):
    """The text is no complete KTAP report."""


def parse(text):
    """The Results of the one report in @text, which is all of a console's output."""
    match = re.search(r"^KTAP version 1\n1\.\.(\d+)\n# seed (0x[0-9a-f]+)\n(.*?)^# Totals: (.*)\n",
                      text.replace("\r", ""), re.MULTILINE | re.DOTALL)
    if not match:
        raise Malformed("no complete report of a self test")
    plan, seed, body, totals = match.groups()
    results = Results(int(seed, 16), parse_body(body))
    if len(results.tests) != int(plan):
        raise Malformed(f"{len(results.tests)} results of {plan} planned")
    counts = {key: int(value) for key, value in re.findall(r"(\w+):(\d+)", totals)}
    if any(counts[status] != results.count(status) for status in ("pass", "fail", "skip")):
        raise Malformed(f"the totals are not those of the results: {totals}")
    return results


def parse_body(body):
    tests, diagnostics = [], []
    for line in body.splitlines():
        if line.startswith("# "):
            diagnostics.append(line[2:])
            continue
        match = re.fullmatch(r"(not ok|ok) (\d+) (\S+)(?: # SKIP (.+))?", line)
        if not match or int(match[2]) != len(tests) + 1 or (match[4] and match[1] != "ok"):
            raise Malformed(f"line {line!r}")
        status = "fail" if match[1] == "not ok" else "skip" if match[4] else "pass"
        tests.append(Test(match[3], status, match[4] or "", tuple(diagnostics)))
        diagnostics = []
    return tests


@dataclasses.dataclass
class Defect:
    """A block of tests/conformance/defects.txt."""

    checks: list
    first: tuple
    last: tuple
    words: dict  # title, rule, found, repeat, and perhaps judged, fatal

    def is_in(self, version):
        return self.first <= version <= self.last


def defects():
    """All of defects.txt, in its order."""
    text = re.sub(r"^#.*\n", "", DEFECTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = []
    for block in filter(None, map(str.strip, text.split("\n\n"))):
        words = dict(line.split(": ", 1) for line in block.splitlines())
        first, last = (tuple(map(int, version.split("."))) for version in words["qemu"].split())
        found.append(Defect(words["checks"].split(), first, last, words))
    return found


def qemu_version(program=None):
    """(major, minor) of the QEMU that tests use."""
    program = program or os.environ.get("QEMU", "qemu-system-aarch64")
    text = subprocess.run([program, "--version"], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return tuple(map(int, re.search(r"version (\d+)\.(\d+)", text).groups()))


def known_defects(version):
    """Patterns of the checks that find a defect of that version."""
    return [pattern for defect in defects() if defect.is_in(version)
            for pattern in defect.checks]


def all_but_fatal(version):
    """What `selftest` is to run there: all, but for what ends the machine."""
    return ",".join(["all", *(f"-{name}" for defect in defects() if defect.is_in(version)
                              and "fatal" in defect.words for name in defect.checks)])


def is_known(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
