# SPDX-License-Identifier: MIT
"""The commands features and registers: every bit of every register is shown, in a field."""
import re

import pytest

from machine import PROMPT, Machine, number

ID_REGISTERS = {f"ID_AA64{name}_EL1" for name in (
    "PFR0", "PFR1", "PFR2", "ZFR0", "SMFR0", "DFR0", "DFR1", "AFR0", "ISAR0", "ISAR1", "ISAR2",
    "ISAR3", "MMFR0", "MMFR1", "MMFR2", "MMFR3", "MMFR4")} | {
    "MIDR_EL1", "MPIDR_EL1", "REVIDR_EL1", "CTR_EL0", "DCZID_EL0"}
VALUE = r"(0x[0-9a-f]+|0)(?: \(.*?\))?(?: +-> +(0x[0-9a-f]+|0)(?: \(.*\))?)?$"


def shown(text):
    """{register: (before, after, {field: (high bit, low bit, before, after)})}"""
    found, fields = {}, {}
    for line in text.splitlines():
        if match := re.match(r"([A-Z]\w+) +" + VALUE, line):
            before, after = number(match[2]), number(match[3] or match[2])
            fields = {}
            found[match[1]] = (before, after, fields)
        else:
            match = re.match(r"  (\w+) +(\d+):(\d+) +" + VALUE, line)
            assert match, line
            fields[match[1]] = (int(match[2]), int(match[3]), number(match[4]),
                                number(match[5] or match[4]))
    return found


def check_fields(name, register):
    """The fields do not overlap, and make up the register's value, before and after."""
    before, after, fields = register
    bits = 0
    for field, (high, low, first, second) in fields.items():
        mask = (1 << high + 1) - (1 << low)
        assert bits & mask == 0, f"{name}.{field} overlaps another field"
        bits |= mask
        assert before & mask == first << low and after & mask == second << low, f"{name}.{field}"
    assert before & ~bits == 0, f"{name} has bits in no field"


CASES = [("max", ""), ("max", "virtualization=on"), ("cortex-a57", ""), ("cortex-a76", ""),
         ("neoverse-n1", "virtualization=on"), ("a64fx", "")]


@pytest.mark.parametrize("cpu,machine", CASES)
def test_every_bit_of_every_register_is_in_a_field(cpu, machine):
    with Machine(cpu, machine=machine) as running:
        running.expect(PROMPT)
        document = running.document("report json")
        features = shown(running.command("features"))
        registers = shown(running.command("registers"))
    assert set(features) == ID_REGISTERS | {"ARM64_SW"}
    level = document["decision"]["el"]
    assert set(registers) == {f"{name}_EL{level}" for name in (
        "SCTLR", "TCR", "MAIR", "TTBR0", "TTBR1")} | ({"HCR_EL2"} if level == 2 else set())
    for name, register in (features | registers).items():
        check_fields(name, register)
        if name in document["registers"]:
            assert register[0] == number(document["registers"][name])


def test_features_shows_what_overrides_made_of_each_field():
    append = "id_aa64mmfr1.pan=1 arm64.nopauth id_aa64isar0.aes=0 nokaslr"
    with Machine(append=append) as machine:
        machine.expect(PROMPT)
        text = machine.command("features")
    values = {(name, field): (first, second)
              for name, (_, _, fields) in shown(text).items()
              for field, (_, _, first, second) in fields.items()}
    changed = {where: value for where, value in values.items() if value[0] != value[1]}
    # Which algorithm signs, and whether PAN knows EPAN, is QEMU's.
    signing = [("ID_AA64ISAR1_EL1", field) for field in ("apa", "api", "gpa", "gpi")] + [
        ("ID_AA64ISAR2_EL1", field) for field in ("apa3", "gpa3")]
    pan = values["ID_AA64MMFR1_EL1", "pan"][0]
    had = {where: (values[where][0], 0) for where in signing if values[where][0]}
    assert pan >= 2 and len(had) == 2
    assert changed == {("ID_AA64MMFR1_EL1", "pan"): (pan, 1), ("ID_AA64ISAR0_EL1", "aes"): (2, 0),
                       ("ARM64_SW", "nokaslr"): (0, 1), **had}
    assert re.search(r"\n  pan          23:20 0x[23] \(PAN and .*\)  -> 0x1 \(PAN\)\n",
                     text)
    assert "  aes           7:4  0x2 (FEAT_PMULL)  -> 0\n" in text


def test_registers_are_in_words():
    with Machine() as machine:
        machine.expect(PROMPT)
        text = machine.command("registers")
    for words in ("  wxn          19:19 0x1 (what is writable cannot be executed)\n",
                  "  ds           59:59 0x1 (52-bit descriptors, shareability from TCR)\n",
                  "  tg1          31:30 0x2 (4K)\n", "  t1sz         21:16 0xc\n",
                  "  attr0         7:0  0xff (write-back)\n"):
        assert words in text
