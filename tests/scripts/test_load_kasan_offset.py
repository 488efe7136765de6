# SPDX-License-Identifier: MIT
"""scripts/load-kasan-offset on pieces of GCC's output: the constant becomes a variable wherever a
single MOV loads it, and where it is seen in any other form the build stops."""
import pathlib
import re
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/load-kasan-offset"
CONSTANT = "0x5a5a000000000000"
DECIMAL = str(int(CONSTANT, 0))
CC = ["aarch64-linux-gnu-gcc", "-O2", "-S", "-o", "-", "-x", "c", "-", "-fpie",
      "-fsanitize=kernel-address", f"-fasan-shadow-offset={CONSTANT}",
      "--param", "asan-instrumentation-with-call-threshold=0", "--param", "asan-stack=1"]
# Frames with one, two and many gaps.
FRAMES = """
void use(void *, ...);
void one(void) { char a[43]; use(a); }
void two(void) { char a[43]; long b; use(a, &b); }
void many(void) { char a[3], b[5], c[700], d[9]; use(a, b, c, d); }
"""


def load(text):
    """(exit status, what it made of @text, what it said)."""
    result = subprocess.run([SCRIPT, CONSTANT], input=text, capture_output=True, text=True,
                            check=False)
    return result.returncode, result.stdout, result.stderr


def test_of_what_gcc_makes_nothing_is_left_and_nothing_else_changes():
    text = subprocess.run(CC, input=FRAMES, check=True, capture_output=True, text=True).stdout
    loads = re.findall(rf"^\tmov\t(x\d+), {DECIMAL}$", text, re.MULTILINE)
    assert len(loads) >= 3
    status, made, said = load(text)
    assert status == 0 and said == ""
    assert DECIMAL not in made and "LASANPC0" not in re.sub(r"^\.LASANPC0:", "", made, flags=re.M)
    found = re.findall(r"^\tadrp\t(x\d+), kasan_offset\n\tldr\t\1, \[\1, :lo12:kasan_offset\]$",
                       made, re.MULTILINE)
    assert found == loads
    # But for these, and where functions begin, it is the same.
    assert len(made.splitlines()) == len(text.splitlines()) + len(loads) - len(
        re.findall(r"^\tadd\t.*:lo12:\.LASANPC", text, re.MULTILINE))


def test_where_a_function_begins_is_no_address_of_it():
    status, made, _ = load("\tadrp\tx3, .LASANPC7\n\tadd\tx3, x3, :lo12:.LASANPC7\n\tret\n")
    assert status == 0 and made == "\tmov\tx3, xzr\n\tret\n"


@pytest.mark.parametrize("line", [
    f"\tmov\tw3, {DECIMAL}", f"\tmov\tx3, {int(DECIMAL) + 8}", "\tmovk\tx3, 0x5a5a, lsl 48",
    "\tmovk\tx3, 23130, lsl 48"])
def test_in_any_other_form_it_stops_the_build(line):
    status, _, said = load(f"\tret\n{line}\n")
    assert status == 1
    assert said == f"load-kasan-offset: the offset, as it is not known: {line}\n"


@pytest.mark.parametrize("line", [
    "\tmov\tx3, 23130", "\tmov\tx3, x4", '\t.string\t"0x5a5a, and so on"',
    "\tadrp\tx3, kasan_offset"])
def test_what_only_looks_like_it_passes(line):
    assert load(line + "\n") == (0, line + "\n", "")
