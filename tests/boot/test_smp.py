# SPDX-License-Identifier: MIT
"""More CPUs: all that can follow the first one's decision come up, the others are refused with the
reason, and no boot waits for one that does not come."""
import contextlib
import json
import re
import sys
import tempfile

import pytest

from loader import device_tree, edit_tree
from machine import IMAGE, PROMPT, ROOT, Machine
from test_devices import PI_TREE, start_pi
from test_uboot import FILE_ADDRESS, run, uboot
from test_uboot import loader as uboot_loader
from test_uefi import FIRMWARE, Firmware

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

EL2 = "virtualization=on"
PAGES = ("4k", "16k", "64k")


def cpus(number, memory="1G"):
    """QEMU's arguments for so many CPUs, and memory for their stacks."""
    return ("-smp", str(number), "-m", memory)


def states(document):
    return [cpu["state"] for cpu in document["cpus"]]


def report(cpu="max", append="", machine="", arguments=(), **options):
    """`report json` on a machine that then turns itself off."""
    with Machine(cpu, append, machine, arguments=arguments, **options) as running:
        running.expect(PROMPT)
        return running.document("report json")


# ---- they come ----


@pytest.mark.parametrize("machine", ["gic-version=2", "gic-version=3", f"{EL2},gic-version=3"])
@pytest.mark.parametrize("pages", PAGES)
def test_eight_cpus_come_up(pages, machine):
    """All say so in the report, at either entry level."""
    document = report("max", f"arm64.pagesize={pages}", machine, cpus(8))
    assert states(document) == ["running"] * 8
    assert [int(cpu["mpidr"], 16) for cpu in document["cpus"]] == list(range(8))
    assert all(cpu["reason"] == "" for cpu in document["cpus"])


@pytest.mark.parametrize("cpu,machine", [("cortex-a57", EL2), ("cortex-a53", ""),
                                         ("a64fx", "gic-version=3"), ("neoverse-n1", EL2)])
def test_cpus_of_other_makes_come_up(cpu, machine):
    assert states(report(cpu, "", machine, cpus(4))) == ["running"] * 4


@pytest.mark.parametrize("number,memory", [(64, "1G"), (512, "2G")])
def test_many_cpus_come_up(number, memory):
    """With a GICv3, whose affinities they have."""
    document = report("max", "", "gic-version=3", cpus(number, memory))
    assert states(document) == ["running"] * number
    assert len({cpu["mpidr"] for cpu in document["cpus"]}) == number


@pytest.mark.parametrize("word", ["serial", "parallel"])
def test_cpus_come_one_by_one_or_all_at_once(word):
    """More than there are mailboxes for at a time."""
    document = report("max", f"pagoda.cpus={word}", "gic-version=3", cpus(20))
    assert states(document) == ["running"] * 20


PI_CPUS = """
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		CPUS
	};
	soc {"""


def pi_tree(*releases):
    nodes = "\n".join(
        f'cpu@{number} {{ device_type = "cpu"; reg = <{number}>; enable-method = "spin-table";'
        f" cpu-release-addr = <0 {release:#x}>; }};" for number, release in enumerate(releases))
    return PI_TREE.replace("\n\tsoc {", PI_CPUS.replace("CPUS", nodes), 1)


def test_cpus_come_by_a_spin_table():
    """As on a Raspberry Pi 3, where firmware has left each one at an address of its own."""
    with start_pi('pagoda.run="report json"', pi_tree(0xD8, 0xE0, 0xE8, 0xF0)) as machine:
        machine.expect(PROMPT)
        assert states(machine.document("report json")) == ["running"] * 4


# ---- they are kept away ----


@pytest.mark.parametrize("words,running", [("maxcpus=2", 2), ("nosmp", 1), ("maxcpus=9", 4)])
def test_as_many_cpus_start_as_the_command_line_allows(words, running):
    document = report("max", words, "", cpus(4))
    assert states(document) == ["running"] * running + ["off"] * (4 - running)
    assert all("maxcpus" in cpu["reason"] for cpu in document["cpus"][running:])


# (what CPU 1 seems not to have, the boot's command line, machine, the field that is named)
LACKS = [
    ("id_aa64mmfr0.tgran4=f", "", "", "page size"),
    ("id_aa64mmfr0.tgran4=0", "", "", "virtual address bits"),
    ("id_aa64mmfr0.tgran16=1", "arm64.pagesize=16k", "", "virtual address bits"),
    ("id_aa64mmfr2.varange=0", "arm64.pagesize=64k", "", "virtual address bits"),
    ("id_aa64mmfr0.parange=5", "arm64.pagesize=64k", "", "descriptor address bits"),
    ("id_aa64mmfr0.parange=4", "arm64.nolva", "", "physical address bits"),
    ("id_aa64mmfr1.vh=0", "", EL2, "VHE"),
    ("id_aa64pfr1.bt=0", "", "", "BTI"),
    ("PAC=0", "", "", "pointer authentication"),
    ("id_aa64mmfr1.pan=0", "", "", "PAN"),
    ("id_aa64mmfr2.e0pd=0", "", "", "E0PD"),
    ("id_aa64mmfr0.asidbits=0", "", "", "ASID bits"),
    ("id_aa64mmfr1.vmidbits=0", "", "", "VMID bits"),
    ("id_aa64pfr1.mte=0", "", "mte=on", "MTE"),
    ("id_aa64mmfr2.bbm=0", "", "", "BBM level"),
    ("id_aa64isar0.tlb=1", "", "", "TLBI by range"),
    ("id_aa64mmfr2.ttl=0", "", "", "TTL"),
]


def pac_field():
    """The field of the algorithm that signs return addresses: from QEMU 9 on another one."""
    registers = report()["registers"]
    fields = [("id_aa64isar1.apa", "ID_AA64ISAR1_EL1", 4),
              ("id_aa64isar1.api", "ID_AA64ISAR1_EL1", 8),
              ("id_aa64isar2.apa3", "ID_AA64ISAR2_EL1", 12)]
    found = [name for name, register, shift in fields if int(registers[register], 16) >> shift & 15]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("lack,append,machine,field", [
    pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in LACKS])
def test_a_cpu_that_cannot_follow_is_refused_with_the_reason(lack, append, machine, field):
    """It turns itself off, and the others go on without it."""
    lack = lack.replace("PAC", pac_field())
    document = report("max", f"{append} pagoda.cpu=1:{lack}", machine, cpus(3))
    assert states(document) == ["running", "refused", "running"]
    assert document["cpus"][1]["reason"].startswith(f"{field}: ")


def test_a_refused_cpu_is_off_as_far_as_firmware_knows():
    """So it may be called again, and is refused again."""
    with Machine("max", "pagoda.cpu=1:id_aa64mmfr0.tgran4=0", arguments=cpus(2)) as machine:
        machine.expect(PROMPT)
        assert "is refused" in machine.command("cpu on 1")
        assert "is refused" in machine.command("cpus")


# ---- bad input ----


def test_a_cpu_that_never_answers_is_given_up():
    """Its release address is RAM that nobody looks at; the next one still comes."""
    with start_pi("", pi_tree(0xD8, 0x2000000, 0xE8)) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
    assert states(document) == ["running", "silent", "running"]
    assert "not heard of" in document["cpus"][1]["reason"]


def test_a_release_address_that_is_none_is_said():
    with start_pi("", pi_tree(0xD8, 0xE1, 0xE8)) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
    assert states(document) == ["running", "off", "running"]
    assert "0xe1" in document["cpus"][1]["reason"]


# ---- what they do ----


@pytest.mark.parametrize("machine,append", [
    ("", ""), (f"{EL2},gic-version=3", "arm64.pagesize=16k"), ("", "arm64.pagesize=64k")])
def test_no_cpu_uses_an_old_translation(machine, append):
    """The self tests that need more than one CPU; none is skipped."""
    with Machine("max", f'{append} pagoda.run="selftest smp; poweroff"', machine,
                 arguments=cpus(4), exceptions=None) as running:
        assert running.wait_end() == "guest-shutdown"
        results = ktap.parse(running.text)
    assert {test.status for test in results.tests} == {"pass"}


def test_what_checks_of_several_cpus_say_is_part_of_a_document():
    with Machine("max", arguments=cpus(3), exceptions=None) as machine:
        machine.expect(PROMPT)
        text = machine.command("selftest smp,stress json")
    report = json.loads(text[text.index("{\n"):])
    assert {check["result"] for check in report["checks"]} == {"pass"}
    assert len(report["checks"]) >= 7


def test_a_command_runs_on_another_cpu():
    with Machine("max", arguments=cpus(3)) as machine:
        machine.expect(PROMPT)
        here = machine.command("registers")
        there = machine.command("on 2 registers")
        assert there.replace("on CPU 2:\n", "") == here
        assert re.findall(r"on CPU (\d):", machine.command("on all layout")) == ["0", "1", "2"]
        assert re.findall(r"on CPU (\d):", machine.command("on 2,1 layout")) == ["2", "1"]


@pytest.mark.parametrize("words,complaint", [
    ("on 7 registers", "names no CPU that runs"), ("on 1,x registers", "names no CPU that runs"),
    ("on 1", "on CPU"), ("on 1 on 1 cpus", "cannot be given to on"),
    ("cpu off 0", "boots"), ("cpu off 9", "is no CPU"), ("cpu on 1", "runs"),
    ("cpu up 1", "neither")])
def test_wrong_words_about_cpus_are_refused(words, complaint):
    with Machine("max", arguments=cpus(2)) as machine:
        machine.expect(PROMPT)
        assert complaint in machine.command(words)


def test_a_cpu_goes_off_and_comes_back():
    with Machine("max", machine=EL2, arguments=cpus(3), exceptions=None) as machine:
        machine.expect(PROMPT)
        for _ in range(3):
            assert "CPU 1 is off" in machine.command("cpu off 1")
            assert states(machine.document("report json")) == ["running", "off", "running"]
            assert "CPU 1 is running" in machine.command("cpu on 1")
        assert "not ok" not in machine.command("selftest smp")


@pytest.mark.parametrize("cpu", [0, 1])
def test_a_panic_stops_the_other_cpus(cpu):
    """And shows where they were, where that is asked for."""
    with Machine("max", "panic_print=0x40", arguments=cpus(3), exceptions=None) as machine:
        machine.expect(PROMPT)
        machine.send(f"on {cpu} fault read 0xffff800000000000\n")
        machine.expect("pagoda: stopped")
        text = machine.text
    assert f"on CPU {cpu}" in text
    for other in {0, 1, 2} - {cpu}:
        assert re.search(rf"CPU {other} was here:\s+ELR ", text)


def test_features_shows_where_another_cpu_differs():
    with Machine("max", "pagoda.cpu=1:id_aa64mmfr0.tgran4=0", arguments=cpus(3)) as machine:
        machine.expect(PROMPT)
        text = machine.command("features")
    assert re.search(r"^CPU 1: ID_AA64MMFR0_EL1 .* -> ", text, re.MULTILINE)
    assert "CPU 2:" not in text


def test_the_machine_sleeps_as_long_as_it_is_told():
    """By a call that QEMU logs as an exception that it has not handled: it does not return."""
    with Machine("max", arguments=cpus(2), exceptions=1) as machine:
        machine.expect(PROMPT)
        slept = re.search(r"slept for (\d+) ms", machine.command("suspend 1"))
        assert int(slept[1]) >= 1000
        assert "1 to 3600" in machine.command("suspend 0")


@pytest.mark.parametrize("cpu,erratum", [("cortex-a76", "4193800"), ("cortex-a72", None)])
def test_tlbi_is_done_twice_on_cores_that_need_it(cpu, erratum):
    """Which the report says; and only where more than one CPU runs."""
    for number in (1, 2):
        with Machine(cpu, arguments=cpus(number)) as machine:
            said = "TLBI is done twice" in machine.expect(PROMPT)
        assert said == (erratum is not None and number > 1)


# ---- trees that are wrong about CPUs ----


@contextlib.contextmanager
def with_tree(*edits, **options):
    """Two CPUs, and QEMU's tree for one of them, edited."""
    with tempfile.NamedTemporaryFile(prefix="pagoda-", suffix=".dtb") as file:
        file.write(edit_tree(device_tree(), *edits))
        file.flush()
        with Machine("max", arguments=("-dtb", file.name, *cpus(2)), **options) as machine:
            machine.expect(PROMPT)
            yield machine


def node(name, mpidr):
    """What adds a CPU that PSCI starts."""
    path = f"/cpus/{name}"
    return (["FILE", "-c", path], ["-t", "s", "FILE", path, "device_type", "cpu"],
            ["-t", "s", "FILE", path, "enable-method", "psci"],
            ["-t", "x", "FILE", path, "reg", f"{mpidr:x}"])


def test_a_cpu_that_firmware_does_not_have_is_denied():
    with with_tree(*node("cpu@1", 1), *node("cpu@7", 7),
                   excused=["[ARM]arm_get_cpu_by_id: Requesting unknown CPU 7"]) as machine:
        document = machine.document("report json")
    found = {int(cpu["mpidr"], 16): cpu for cpu in document["cpus"]}
    assert found[1]["state"] == "running" and found[7]["state"] == "off"
    assert "answer to CPU_ON is -2" in found[7]["reason"]  # INVALID_PARAMETERS


def test_of_two_nodes_with_one_mpidr_one_counts():
    with with_tree(*node("cpu@1", 1), *node("cpu@100", 1)) as machine:
        assert states(machine.document("report json")) == ["running", "running"]
        assert "1 left out; the first, with reg 0x1, has the MPIDR of an earlier one" in (
            machine.command("cpus"))


def test_the_cpu_that_boots_may_be_missing_from_the_tree():
    with with_tree(["-t", "x", "FILE", "/cpus/cpu@0", "reg", "1"]) as machine:
        document = machine.document("report json")
        assert "the FDT lacks CPU 0, which boots" in machine.command("cpus")
    assert [int(cpu["mpidr"], 16) for cpu in document["cpus"]] == [0, 1]


# ---- under firmware ----


@pytest.mark.parametrize("machine", ["acpi=off", "", EL2, f"{EL2},acpi=off,gic-version=3"])
def test_all_cpus_come_up_under_uefi(machine):
    """By a device tree, and by ACPI's table of them, at either level."""
    arguments = ("-bios", FIRMWARE, *cpus(4))
    with Firmware(machine, "", arguments=arguments) as running:
        running.expect(PROMPT)
        assert states(running.document("report json")) == ["running"] * 4


@pytest.mark.parametrize("machine", ["", EL2])
def test_all_cpus_come_up_under_u_boot(machine):
    arguments = (*uboot_loader(IMAGE), *cpus(4))
    with uboot(*arguments, machine=machine) as running:
        result = run(running, f"booti {FILE_ADDRESS:#x} - $fdtcontroladdr")
    assert states(result.document) == ["running"] * 4
