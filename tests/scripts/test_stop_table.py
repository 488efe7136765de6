# SPDX-License-Identifier: MIT
"""The manual's table of stops is what the code says: include/pagoda/kernel/handoff/stop.h."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGISTERS = ("x1", "x2", "x3")


def in_code():
    """Stop code: what is in x1, x2 and x3, "" for nothing."""
    header = (ROOT / "include/pagoda/kernel/handoff/stop.h").read_text(encoding="utf-8")
    numbers = dict(re.findall(r"#define (STOP_\w+) (\d+)\n", header))
    body = re.search(r"enum stop_code \{(.*?)\n\};", header, re.DOTALL)[1]
    table = {}
    for code, comment in re.findall(r"=\s*(\w+),\s*(?:/\* (.*?) \*/)?", body):
        values = dict(part.split(": ") for part in (comment or "").split("; ") if ": " in part)
        assert values.keys() <= set(REGISTERS), comment
        table[int(numbers.get(code, code))] = tuple(values.get(name, "") for name in REGISTERS)
    return table


def in_manual():
    section = (ROOT / "docs/design.md").read_text(encoding="utf-8").split("\n## Stops\n")[1]
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", section.split("\n## ")[0], re.MULTILINE)
    table = {}
    for code, cells in rows:
        _, *values = (cell.strip().replace("`", "") for cell in cells.split("|"))
        assert int(code) not in table
        table[int(code)] = tuple(values)
    return table


def test_the_manual_says_of_each_stop_what_is_in_registers():
    code = in_code()
    assert code.pop(0) == ("", "", ""), "STOP_NONE is no stop"
    assert len(code) > 10
    assert in_manual() == code
