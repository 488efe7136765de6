# SPDX-License-Identifier: MIT
"""One boot of each page size, judged: caches, barriers, registers and tables as hardware demands
them. The rest of what scripts/discipline judges is for `make discipline`."""
import os
import re
import subprocess

import pytest

from machine import BUILD, ROOT


def discipline(*arguments, **environment):
    return subprocess.run([ROOT / "scripts/discipline", *arguments], capture_output=True, text=True,
                          check=False, env={**os.environ, "O": str(BUILD), **environment})


def breaks_no_rule(*arguments):
    """What was said of a boot that has to pass."""
    result = discipline(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 violations" in result.stdout
    return result.stdout


@pytest.mark.parametrize("pages", ["4k", "16k", "64k"])
def test_a_boot_breaks_no_rule(pages):
    breaks_no_rule("--append", f"arm64.pagesize={pages} quiet")


@pytest.mark.parametrize("commands", [
    "run jit; run wx; run faults 3; run high",
    "asids 2; run 5 pair 2",  # three numbers for five programs: again and again there are none
])
def test_programs_break_no_rule(commands):
    breaks_no_rule("--append", "quiet", "--run", commands)


@pytest.mark.parametrize("append", ["kpti=on", "kpti=late"])
def test_programs_out_of_sight_break_no_rule(append):
    """The kernel's root and the other, their ASIDs, and the conversion of a map in use."""
    breaks_no_rule("--append", f"quiet {append}", "--run", "asids 2; run 5 pair 2; run jit")


def test_two_cpus_convert_a_map_in_use_and_break_no_rule():
    breaks_no_rule("--append", "quiet kpti=late", "--cpus", "2", "--machine",
                   "virt,gic-version=3", "--run", "run 2 hello")


def test_a_boot_with_another_cpu_breaks_no_rule():
    """The rules that only mean something with more than one are exercised there."""
    said = breaks_no_rule("--append", "quiet", "--machine", "virt,gic-version=3", "--cpus", "2",
                          "--run", "on 1 layout")
    for rule in ("C5", "T7", "T10", "M1"):
        assert re.search(rf"^  {rule} .* held \d+ times$", said, re.MULTILINE), rule


def test_programs_on_two_cpus_break_no_rule():
    breaks_no_rule("--append", "quiet", "--cpus", "2", "--machine", "virt,gic-version=3",
                   "--run", "asids 2; run 4 pair 2")


@pytest.mark.parametrize("append, checks", [
    ("quiet kvm-arm.mode=protected", "guest.calls,guest.gone,guest.private"),
    ("quiet", "guest.calls,guest.gone,guest.xnx,stage2.types"),
])
def test_a_guest_breaks_no_rule(append, checks):
    """Its instructions are judged, too; and what the host has in registers is in use no longer."""
    said = breaks_no_rule("--append", append, "--machine", "virt,virtualization=on", "--run",
                          f"selftest {checks}")
    assert re.search(r"^  T8 .* held \d+ times$", said, re.MULTILINE)


def test_a_boot_that_stops_is_not_checked():
    result = discipline("--append", "arm64.pagesize=16k", "--cpu", "cortex-a57")
    assert result.returncode == 2, result.stdout + result.stderr
    assert "NOT CHECKED" in result.stdout
    assert "the machine stopped" in result.stdout


def test_without_a_qemu_nothing_is_checked(tmp_path):
    result = discipline(QEMU=str(tmp_path / "none"))
    assert result.returncode == 2
    assert "NOT CHECKED" in result.stdout
