# SPDX-License-Identifier: MIT
"""Reads what `selftest` prints on the console: KTAP, version 1."""
import dataclasses
import re


@dataclasses.dataclass
class Test:
    name: str
    status: str  # pass, fail or skip
    reason: str = ""  # why it was skipped
    diagnostics: tuple = ()


@dataclasses.dataclass
class Results:
    seed: int
    tests: list

    def count(self, status):
        return sum(test.status == status for test in self.tests)


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
