# SPDX-License-Identifier: MIT
"""A hypervisor of its own at EL2, and a stage 2 under the kernel: with every page size, on CPUs
with and without VHE and LPA2, lazily and at once, protected and not."""
import functools
import sys

import pytest

from machine import PROMPT, ROOT, Machine, number, symbols
from test_address_space import far_machine
from test_el2 import HVC_REFUSED, Guest
from walker import bits

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

EL2 = "virtualization=on,gic-version=3,dtb-randomness=off"
SEEDED = "virtualization=on,gic-version=3"
CPUS = {"max": ("4k", "16k", "64k"), "max,lpa2=off": ("4k", "16k", "64k"),
        "cortex-a57": ("4k", "64k"), "cortex-a72": ("4k", "64k"),
        "neoverse-n1": ("4k", "16k", "64k")}
PLACES = [(cpu, page_size) for cpu, page_sizes in CPUS.items() for page_size in page_sizes]
MODES = ["nvhe", "protected"]
GRANULE_BITS = {"4k": 12, "16k": 14, "64k": 16}
PA_BITS = {"max": 52, "max,lpa2=off": 52, "cortex-a57": 44, "cortex-a72": 44, "neoverse-n1": 48}

# How many address bits, the level that a walk begins at, and how many tables the root is: DDI 0487
# D8.2.4, for stage 2, by page size and output size. 16K pages do without bit 51.
START = {("4k", 52): (52, 0, 16), ("4k", 48): (48, 0, 1), ("4k", 44): (44, 0, 1),
         ("16k", 52): (51, 1, 16), ("16k", 48): (48, 1, 2),
         ("64k", 52): (52, 1, 1), ("64k", 48): (48, 1, 1), ("64k", 44): (44, 2, 4)}


class Hyp(Machine):
    """A machine at its prompt, with a hypervisor. Its calls and aborts are exceptions."""

    def __init__(self, cpu="max", append="nokaslr kvm-arm.mode=nvhe", machine=EL2, **more):
        super().__init__(cpu, append, machine, exceptions=None, **more)

    def start(self):
        super().start()
        self.expect(PROMPT)


@functools.lru_cache
def report(cpu, page_size, more):
    with Hyp(cpu, f"arm64.pagesize={page_size} {more}") as machine:
        return machine.document("report json"), machine.text


def output_bits(cpu, page_size):
    wide = cpu == "max" or page_size == "64k"
    return PA_BITS[cpu] if wide else min(PA_BITS[cpu], 48)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cpu, page_size", PLACES)
def test_el2_and_stage_2_are_what_the_host_decided(cpu, page_size, mode):
    document, _ = report(cpu, page_size, f"nokaslr kvm-arm.mode={mode}")
    hyp = document["hyp"]
    pa_bits = output_bits(cpu, page_size)
    lpa2 = cpu == "max" and page_size != "64k"
    assert (hyp["mode"], hyp["state"]) == (mode, "running")
    assert document["decision"]["el"] == 1
    stage2 = hyp["stage2"]
    assert (stage2["ipa_bits"], stage2["root_level"], stage2["root_tables"]) == START[
        page_size, pa_bits]
    assert stage2["lpa2"] == lpa2
    assert hyp["va_bits"] == 48
    for name in ("tcr", "vtcr"):
        value = number(hyp[name])
        assert bits(value, 32, 32) == lpa2, "DS at EL2 without E2H"
        assert bits(value, 15, 14) == {"4k": 0, "16k": 2, "64k": 1}[page_size], "TG0"
        assert bits(value, 18, 16) == {44: 4, 48: 5, 52: 6}[pa_bits], "PS"
        assert bits(value, 13, 8) == 0b110101, "inner shareable, write-back"
    assert bits(number(hyp["tcr"]), 5, 0) == 16
    assert bits(number(hyp["vtcr"]), 5, 0) == 64 - stage2["ipa_bits"]
    assert bits(number(hyp["sctlr"]), 19, 19) == 1, "WXN"


@pytest.mark.parametrize("page_size", GRANULE_BITS)
def test_52_bits_at_el2_where_they_are_asked_for_and_there(page_size):
    document, _ = report("max", page_size, "nokaslr kvm-arm.mode=nvhe pagoda.hyp_va_bits=52")
    assert document["hyp"]["va_bits"] == 52
    assert document["hyp"]["root_level"] == {"4k": -1, "16k": 0, "64k": 1}[page_size]
    document, _ = report("max,lpa2=off", "4k", "nokaslr kvm-arm.mode=nvhe pagoda.hyp_va_bits=52")
    assert document["hyp"]["va_bits"] == 48


def test_without_kaslr_the_hypervisor_is_where_it_was_and_with_it_elsewhere():
    fixed, moved = set(), set()
    for _ in range(2):
        with Hyp(machine=SEEDED) as machine:
            fixed.add(machine.document("report json")["hyp"]["va"])
        with Hyp(append="kvm-arm.mode=nvhe", machine=SEEDED) as machine:
            moved.add(machine.document("report json")["hyp"]["va"])
    assert len(fixed) == 1 and len(moved) == 2 and not fixed & moved


@pytest.mark.parametrize("word", ["", "kvm-arm.mode=none"])
def test_nobody_asked_means_nobody_there(word):
    with Machine("cortex-a57", word, EL2) as machine:
        machine.expect(PROMPT)
        assert "hyp" not in machine.document("report json")
        assert "hypervisor" not in machine.text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("full", ["lazy", "full"])
@pytest.mark.parametrize("cpu, page_size", [("max", "4k"), ("max", "16k"), ("cortex-a72", "64k")])
def test_the_kernel_passes_its_own_tests_above_a_stage_2(cpu, page_size, full, mode):
    append = f"arm64.pagesize={page_size} kvm-arm.mode={mode} pagoda.stage2={full}"
    with Hyp(cpu, append) as machine:
        assert ktap.parse(machine.command("selftest all")).unexpected() == []


# ---- what is not possible is said in a line ----


@pytest.mark.parametrize("mode", MODES)
def test_entered_at_el1_there_is_none(mode):
    with Machine("max", f"kvm-arm.mode={mode}") as machine:
        machine.expect(PROMPT)
        assert f"  hypervisor   {mode}: none: entered at EL1: EL2 is somebody" in machine.text
        assert machine.document("report json")["hyp"]["state"].startswith("entered at EL1")


@pytest.mark.parametrize("page_size, field", [("4k", "tgran4_2"), ("16k", "tgran16_2"),
                                              ("64k", "tgran64_2")])
def test_without_this_page_size_at_stage_2_there_is_none(page_size, field):
    append = f"arm64.pagesize={page_size} kvm-arm.mode=nvhe id_aa64mmfr0.{field}=1"
    with Hyp(append=append) as machine:
        assert "  hypervisor   nvhe: none: the CPU has no stage 2 with this page" in machine.text
        assert " fail:0 xfail:0 xpass:0 " in machine.command("selftest walk")


def test_ram_beyond_what_stage_2_reaches_is_said_and_all_of_it_works():
    """The kernel has 52 bits, and stage 2 only 48."""
    append = "kvm-arm.mode=protected id_aa64mmfr0.tgran4_2=2"
    with far_machine(append, 1 << 48, machine="virtualization=on") as machine:
        text = machine.expect(PROMPT)
        assert "  hypervisor   protected: none: RAM ends above what stage 2 reaches" in text
        state = machine.document("report json")["hyp"]["state"]
        assert state == "RAM ends above what stage 2 reaches"
        assert "both ends of each written and read" in machine.command("memory test")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("page_size", GRANULE_BITS)
def test_ram_beyond_the_cpus_own_range_is_left_out_of_both_stages(page_size, mode):
    append = (f"arm64.pagesize={page_size} kvm-arm.mode={mode} pagoda.stage2=full "
              "id_aa64mmfr0.parange=0")
    with Hyp(append=append, arguments=("-m", "8G")) as machine:
        assert "5G of RAM left out: beyond 32-bit physical addresses" in machine.text
        document = machine.document("ptdump json")
        assert (document["hyp"]["state"], document["hyp"]["stage2"]["ipa_bits"]) == ("running", 32)
        assert bits(number(document["hyp"]["vtcr"]), 18, 16) == 0, "PS"
        assert all(number(run["end"]) <= 1 << 32 for run in runs(document, "host2"))
        assert " fail:0 " in machine.command("selftest hyp")


@pytest.mark.parametrize("mode", MODES)
def test_no_memory_is_said_and_the_kernel_goes_on(mode):
    with Hyp("cortex-a57", f"arm64.pagesize=64k mem=5M kvm-arm.mode={mode}") as machine:
        assert f"  hypervisor   {mode}: none: no memory for its code" in machine.text
        assert " fail:0 xfail:0 xpass:0 " in machine.command("selftest walk")


# ---- its tables ----


def runs(document, root):
    return [entry for table in document["tables"] if table["root"] == root
            for entry in table["entries"]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cpu, page_size", PLACES)
def test_its_own_map_has_every_part_once_and_keeps_w_xor_x(cpu, page_size, mode):
    with Hyp(cpu, f"arm64.pagesize={page_size} kvm-arm.mode={mode}") as machine:
        document = machine.document("ptdump json")
    hyp, page = document["hyp"], 1 << GRANULE_BITS[page_size]
    base, start = number(hyp["va"]), number(hyp["memory_start"])
    end = start + hyp["memory_size"]
    identity, text, rodata, *data = runs(document, "hyp")
    assert identity["start"] == identity["pa"] == text["pa"]
    assert number(text["start"]) == base and number(rodata["start"]) == base + 0x10000
    for run in (identity, text):
        assert (run["execute"], run["write"]) == (True, False)
    assert (rodata["execute"], rodata["write"]) == (False, False)
    assert all(run["write"] and not run["execute"] for run in data)
    outside = [run for run in (text, rodata, *data) if not start <= number(run["pa"]) < end]
    assert len(outside) == 1 and outside[0]["size"] == page, "the page that is shared"
    # Nothing is before a stack, and it is the last there is.
    assert number(data[-1]["start"]) >= number(data[-2]["end"]) + 0x10000
    assert all(run["level"] == 3 and run["user"] is False for run in (text, rodata, *data))


@pytest.mark.parametrize("full", ["lazy", "full"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cpu, page_size", [("max", "4k"), ("max,lpa2=off", "16k"),
                                            ("cortex-a72", "64k")])
def test_stage_2_is_the_identity_and_leaves_out_what_is_the_hypervisors(cpu, page_size, mode,
                                                                        full):
    append = f"arm64.pagesize={page_size} kvm-arm.mode={mode} pagoda.stage2={full}"
    with Hyp(cpu, append) as machine:
        machine.command("selftest memory")
        document = machine.document("ptdump json")
    start = number(document["hyp"]["memory_start"])
    end = start + document["hyp"]["memory_size"]
    ram = [(number(row["start"]), number(row["end"])) for row in document["memory"]
           if row["kind"] == "ram"]
    mapped = runs(document, "host2")
    for run in mapped:
        first, last = number(run["start"]), number(run["end"])
        assert run["start"] == run["pa"] and run["read"] and run["write"]
        in_ram = any(low <= first and last <= high for low, high in ram)
        device = all(last <= low or high <= first for low, high in ram)
        assert in_ram != device, "of one kind"
        assert run["type"] == ("MEM/NORMAL" if in_ram else "DEVICE/nGnRE")
        assert run["execute"] == in_ram
        if mode == "protected":
            assert last <= start or end <= first
    if full == "full":
        size = sum(run["size"] for run in mapped if run["type"] == "MEM/NORMAL")
        missing = end - start if mode == "protected" else 0
        assert size == sum(high - low for low, high in ram) - missing


@pytest.mark.parametrize("cpu, page_size", [("max", "4k"), ("max", "16k"), ("cortex-a57", "64k")])
def test_walks_go_through_both_stages_and_the_cpu_agrees(cpu, page_size):
    with Hyp(cpu, f"arm64.pagesize={page_size} kvm-arm.mode=protected") as machine:
        document = machine.document("report json")
        machine.command(f"read {document['image']['va']}")  # stage 2 is mapped where it faults
        text = machine.command(f"walk {document['image']['va']}")
        assert ": stage 2 under the kernel\n" in text
        assert "  both stages    read-only, no-execute; MEM/NORMAL\n" in text
        assert "  the CPU agrees with the walk\n" in text
        assert "  the CPU agrees with both walks\n" in text
        offset = number(document["linear"]["offset"])
        hidden = number(document["hyp"]["memory_start"]) + offset & (1 << 64) - 1
        text = machine.command(f"walk {hidden:#x}")
        assert "not mapped: translation fault" in text
        assert "  the CPU agrees with both walks\n" in text
        text = machine.command(f"walk {document['hyp']['va']} hyp")
        assert "  permissions    read-only, executable" in text
        assert "  the CPU agrees with the walk\n" in text
        # And the device, by another name.
        assert "DEVICE/nGnRE" in machine.command("walk 0x9000000 host2")


def test_what_is_the_hypervisors_is_refused_and_reported_with_both_walks():
    with Hyp(append="nokaslr kvm-arm.mode=protected") as machine:
        document = machine.document("report json")
        pa = number(document["hyp"]["memory_start"])
        hidden = pa + number(document["linear"]["offset"]) & (1 << 64) - 1
        machine.send(f"write {hidden:#x} 1 8\r")
        text = machine.expect("pagoda: stopped")
        assert "synchronous external abort\n  on a write\n" in text
        assert f"refused by the hypervisor: physical address {pa:#018x} is not the kernel's" in text
        assert f"walk {hidden:#018x}: upper half, kernel map (TTBR1_EL1)\n" in text
        assert f"walk {pa:#018x}: stage 2 under the kernel\n" in text


def test_without_protection_it_is_not_refused_and_the_report_says_so():
    with Hyp(append="nokaslr kvm-arm.mode=nvhe") as machine:
        document = machine.document("report json")
        pa = number(document["hyp"]["memory_start"])
        hidden = pa + number(document["linear"]["offset"]) & (1 << 64) - 1
        assert f"at {pa:#x} can be written by the host" in machine.text
        assert machine.command(f"read {hidden:#x}").startswith(f"{hidden:#018x} ")


# ---- its way out, and what it leaves in registers ----


def test_el2_is_given_back_to_the_stub_and_taken_again():
    """A kexec does the first; then the hypervisor's memory is RAM like any other."""
    with Hyp(append="nokaslr kvm-arm.mode=protected") as machine:
        document = machine.document("report json")
        hidden = (number(document["hyp"]["memory_start"]) + number(document["linear"]["offset"])
                  & (1 << 64) - 1)
        assert machine.command("hyp") == (
            "protected on 1 of 1 CPUs; 0 accesses of the kernel's were refused\n")
        assert machine.command("hyp stop").startswith("hyp: EL2 is the stub's")
        assert machine.command(f"read {hidden:#x}").startswith(f"{hidden:#018x} ")
        assert machine.document("report json")["hyp"]["state"] != "running"
        assert machine.command("hyp stop") == "hyp: no hypervisor runs\n"
        for _ in range(3):
            assert machine.command("hyp start") == "hyp: it runs again\n"
            assert " fail:0 " in machine.command("selftest hyp")
            assert machine.command("hyp stop").startswith("hyp: EL2 is the stub's")
        assert ktap.parse(machine.command("selftest all")).unexpected() == []


class Caller(Guest):
    """A kernel at EL1 whose hypervisor is called by hand."""

    def start(self):
        super().start()
        self.hyp = self.document("report json")["hyp"]


def test_the_stubs_calls_work_through_the_hypervisor():
    with Caller("nokaslr kvm-arm.mode=nvhe", exceptions=None, machine=EL2) as guest:
        assert guest.call(0xC6000000) == 0
        for unknown in (1, 3, 0x84000008, 1 << 63, 0xC600000B):
            assert guest.call(unknown) == HVC_REFUSED
        assert guest.call(2) == 0, "the stub's vectors again"
        assert guest.call(0xC6000000) == HVC_REFUSED
        assert guest.call(2) == 0
        assert guest.call(0, guest.physical + symbols()["el2_vectors"]) == 0


@pytest.mark.parametrize("mode", MODES)
def test_no_register_of_el1s_tells_where_the_hypervisor_is(mode):
    with Caller(f"kvm-arm.mode={mode}", exceptions=None, machine=SEEDED) as guest:
        base = number(guest.hyp["va"])
        for call in (0xC6000000, 0xC6000005, 0xC6000004, 77):
            guest.call(call)
            found = {f"x{n}": guest.debugger.read(f"x{n}") for n in range(31)}
            found |= {name: guest.debugger.read_system(name)
                      for name in ("FAR_EL1", "ESR_EL1", "TTBR0_EL1", "MAIR_EL1")}
            assert not [name for name, value in found.items() if 0 <= value - base < 128 << 20]


# ---- more CPUs ----


@pytest.mark.parametrize("cpu, page_size", [("max", "4k"), ("max", "16k"), ("cortex-a72", "64k")])
def test_every_cpu_has_it_and_a_cpu_that_comes_back_has_it_again(cpu, page_size):
    with Hyp(cpu, f"arm64.pagesize={page_size} kvm-arm.mode=protected",
             arguments=("-smp", "4")) as machine:
        assert machine.command("hyp").startswith("protected on 4 of 4 CPUs; ")
        assert machine.document("report json")["hyp"]["cpus"] == 4
        machine.command("cpu off 2")
        assert machine.command("hyp").startswith("protected on 3 of 4 CPUs; ")
        machine.command("cpu on 2")
        assert machine.command("hyp").startswith("protected on 4 of 4 CPUs; ")
        for subject in ("hyp", "smp", "guest", "change.live"):
            assert " fail:0 xfail:0 xpass:0 " in machine.command(f"selftest {subject}")


@pytest.mark.parametrize("machine", ["", EL2])
def test_the_command_says_why_there_is_none(machine):
    with Machine("max", "", machine, arguments=("-smp", "2"), exceptions=None) as running:
        running.expect(PROMPT)
        for line in ("hyp", "hyp start"):
            assert running.command(line) == "hyp: none: kvm-arm.mode= asks for none\n"
        assert running.command("hyp stop") == "hyp: no hypervisor runs\n"
        assert "is neither stop nor start" in running.command("hyp off")
        assert running.command("ptdump hyp").startswith("ptdump: no hypervisor runs")
        assert " fail:0 " in running.command("selftest hyp")
