# SPDX-License-Identifier: MIT
"""scripts/drop-leaf-frames on a small file, compiled as the kernel is: functions that sign keep
their unwind tables, others have none, and code is what it was."""
import pathlib
import re
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/drop-leaf-frames"
CC = ["aarch64-linux-gnu-gcc", "-std=gnu11", "-O2", "-ffreestanding", "-fpie",
      "-mbranch-protection=standard", "-fasynchronous-unwind-tables"]
SOURCE = """
int other(int n);
int leaf(int n) { return n + 1; }
int caller(int n) { return other(n) + other(n + 1); }
int frame(void) { volatile int room[64]; room[3] = 1; return room[3]; }
int tail(int n) { return other(n); }
int either(int n) { return n ? other(n) + leaf(n) + other(3) : 7; }
"""


@pytest.fixture
def objects(tmp_path):
    """The same file, compiled with all tables and without those of leaves."""
    text = subprocess.run([*CC, "-S", "-o", "-", "-x", "c", "-"], input=SOURCE, text=True,
                          check=True, capture_output=True).stdout
    less = subprocess.run([SCRIPT], input=text, text=True, check=True, capture_output=True).stdout
    for name, assembly in (("all", text), ("less", less)):
        subprocess.run([*CC, "-c", "-o", tmp_path / f"{name}.o", "-x", "assembler", "-"],
                       input=assembly, text=True, check=True)
    return tmp_path / "all.o", tmp_path / "less.o"


def readelf(option, path):
    return subprocess.run(["aarch64-linux-gnu-readelf", "-W", option, path], text=True, check=True,
                          capture_output=True).stdout


def tables(path):
    """{function: the call-frame instructions of its table, as readelf has them}."""
    symbols = [line.split() for line in readelf("-s", path).splitlines() if " FUNC " in line]
    names = {int(symbol[1], 16): symbol[-1] for symbol in symbols}
    found = {}
    for entry in readelf("--debug-dump=frames", path).split("\n\n"):
        head, *steps = entry.strip().splitlines() or [""]
        if " FDE " in head:
            start = int(re.search(r"pc=([0-9a-f]+)\.\.", head)[1], 16)
            found[names[start]] = [step.strip() for step in steps if "DW_CFA_nop" not in step]
    return found


def code(path):
    return subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", path,
                           "/dev/stdout"], capture_output=True, check=True).stdout


def test_functions_that_sign_keep_their_tables_and_others_have_none(objects):
    every, some = tables(objects[0]), tables(objects[1])
    assert set(every) == {"leaf", "caller", "frame", "tail", "either"}
    assert set(some) == {"caller", "either"}
    assert all(some[name] == every[name] for name in some)


def test_no_instruction_is_touched(objects):
    assert code(objects[0]) == code(objects[1]) != b""


def test_a_file_without_tables_is_what_it_was():
    text = "\t.text\nf:\n\tret\n\t// .cfi_startproc\n"
    assert subprocess.run([SCRIPT], input=text, text=True, check=True,
                          capture_output=True).stdout == text
