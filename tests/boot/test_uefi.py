# SPDX-License-Identifier: MIT
"""The Image as an EFI application, started by EDK2: from firmware that has an FDT and from one that
has ACPI only, at EL1 and EL2, with and without a random number generator, from a disk, by boot
options and by the shell, unsigned and signed.

What QEMU passes with -kernel, firmware loads from its own file system and starts with -append as
load options: that is the quick way, and takes a second or two. `make firmware-test` runs all
combinations and the slow ways, too.
"""
import contextlib
import functools
import itertools
import os
import re
import shutil
import subprocess
import typing

import pytest

from machine import IMAGE, PROMPT, Boot, Machine, boot, capture, follows_firmware, number
from suite import SUITE, system, unpacked

FIRMWARE = str(system("qemu-efi-aarch64", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"))
# Newer suites have Secure Boot in a file of its own, and no shell in that.
SECURE_CODE = system("qemu-efi-aarch64", "/usr/share/AAVMF/AAVMF_CODE.secboot.fd",
                     "/usr/share/AAVMF/AAVMF_CODE.fd")
SHELL_CODE = system("qemu-efi-aarch64", "/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd",
                    "/usr/share/AAVMF/AAVMF_CODE.fd")
VARIABLES = system("qemu-efi-aarch64", "/usr/share/AAVMF/AAVMF_VARS.fd")
SECURE_VARIABLES = system("qemu-efi-aarch64", "/usr/share/AAVMF/AAVMF_VARS.snakeoil.fd")
SNAKEOIL = system("qemu-efi-aarch64", "/usr/share/qemu-efi-aarch64")
TIMEOUT = 120  # seconds; firmware counts five down before it starts a shell script
NO_ENTROPY = "pagoda: no entropy from EFI_RNG_PROTOCOL (not found): lowest place for the Image"
RAM_TYPES = {1, 2, 3, 4, 7}  # loader, boot services, conventional
WRITE_BACK = 8
PAGE = 4096
MIB = 1 << 20

SLOW = bool(os.environ.get("PAGODA_SLOW"))
slow = pytest.mark.skipif(not SLOW, reason="slow: make firmware-test")


class Firmware(Machine):
    """A machine whose firmware takes interrupts and writes to flash in its own ways: exceptions are
    not counted. In the kernel one would be a report in place of a prompt."""

    def __init__(self, machine="", append="", kernel=IMAGE, arguments=("-bios", FIRMWARE), **more):
        super().__init__(machine=machine, append=append, kernel=kernel, arguments=arguments,
                         exceptions=None, excused=("pflash_write", "virtio"), **more)
        self._console.timeout = TIMEOUT


class Row(typing.NamedTuple):
    acpi: bool
    el: int
    random: bool
    granule: int
    memory: str

    def __str__(self):
        return "-".join(["acpi" if self.acpi else "dt", f"EL{self.el}",
                         "rng" if self.random else "norng", f"{self.granule}k", self.memory])


ALL_ROWS = [Row(*row) for row in itertools.product(
    [False, True], [1, 2], [False, True], [4, 16, 64], ["512M", "8G"])]
# Every value of every column, and every pair of firmware table, exception level and RNG.
QUICK_ROWS = [
    Row(False, 1, False, 4, "512M"), Row(True, 2, True, 4, "8G"),
    Row(False, 2, True, 16, "8G"), Row(True, 1, False, 64, "512M"),
    Row(False, 1, True, 64, "8G"), Row(True, 1, True, 16, "512M"),
    Row(True, 2, False, 16, "512M"), Row(False, 2, False, 64, "512M"),
]


class Started(typing.NamedTuple):
    """A boot through firmware, and what stands at two addresses of its report."""
    boot: Boot
    system_table: bytes
    rsdp: bytes


def append_of(row):
    return f"arm64.pagesize={row.granule}k"


@functools.lru_cache(maxsize=None)
def start(row):
    machine = ",".join([*(["acpi=off"] if not row.acpi else []),
                        *(["virtualization=on"] if row.el == 2 else [])])
    random = ["-device", "virtio-rng-pci"] if row.random else []
    with Firmware(machine, append_of(row),
                  arguments=["-bios", FIRMWARE, "-m", row.memory, *random]) as running:
        found = capture(running)
        efi = found.document["efi"]
        return Started(found, running.memory(number(efi["system_table"]), 8),
                       running.memory(number(efi["rsdp"]), 8))


@pytest.fixture(scope="module", name="case", ids=str, params=ALL_ROWS if SLOW else QUICK_ROWS)
def fixture_case(request):
    """(the row, how it started, QEMU's own boot of the same CPU and command line)"""
    row = request.param
    return row, start(row), boot("max", append_of(row),
                                 "virtualization=on" if row.el == 2 else "")


def regions(document):
    """The layout but for the image, which KASLR moves."""
    return [region for region in document["layout"] if region["name"] != "image"]


def permissions(found, root):
    """What a map does, with addresses in the image counted from its start. Not RAM and
    FDT, which are where each firmware left them."""
    document = found.document
    image = number(document["image"]["va" if root == "kernel" else "pa"])
    entries = []
    for entry in found.tables(root):
        if root == "kernel" and follows_firmware(document, entry):
            continue
        first = number(entry["start"])
        inside = image <= first < image + document["image"]["size"]
        entries.append({
            **{key: entry[key] for key in entry if key not in ("start", "end", "pa", "raw")},
            "at": first - image if inside else first})
    return entries


def test_the_report_equals_the_direct_boots_in_regime_layout_and_permissions(case):
    row, started, direct = case
    document, wanted = started.boot.document, direct.document
    for key in ("cpu", "regime", "idmap", "decision", "overrides", "psci"):
        assert document[key] == wanted[key], key
    assert document["console"] == {**wanted["console"], "input": "interrupt"}
    assert document["image"]["entry_el"] == row.el
    assert document["image"]["size"] == wanted["image"]["size"]
    assert regions(document) == regions(wanted)
    for root in ("kernel", "idmap"):
        assert permissions(started.boot, root) == permissions(direct, root)
    assert all(audit["writable_executable"] == 0 for audit in document["audit"])
    for name in ("TCR_EL1", "SCTLR_EL1", "MAIR_EL1"):
        assert document["registers"].get(name) == wanted["registers"].get(name)
    assert document["warnings"] == []


def test_the_command_line_is_that_of_the_load_options(case):
    row, started, _ = case
    assert started.boot.document["command_line"] == append_of(row)


def test_the_seed_comes_from_the_best_source_there_is(case):
    row, started, _ = case
    source = started.boot.document["image"]["kaslr"]["source"]
    # Newer firmware has entropy without the device, by the CPU's own.
    random = row.random or (SUITE and NO_ENTROPY not in started.boot.text)
    assert source == ("efi" if random else "rndr" if row.acpi else "fdt")
    assert (NO_ENTROPY in started.boot.text) == (not random)


def test_the_image_lies_at_a_multiple_of_2_mib_inside_ram(case):
    document = case[1].boot.document
    start_pa, size = number(document["image"]["pa"]), document["image"]["size"]
    assert start_pa % (2 * MIB) == 0
    assert any(number(entry["start"]) <= start_pa and start_pa + size <= number(entry["end"])
               for entry in document["memory"] if entry["kind"] == "ram")


def merged(ranges):
    found = []
    for first, end in sorted(ranges):
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found


def test_ram_is_what_the_efi_map_says_and_nothing_else(case):
    row, started, _ = case
    document = started.boot.document
    ram = [(number(entry["start"]), number(entry["end"])) for entry in document["memory"]
           if entry["kind"] == "ram"]
    wanted = [(number(entry["start"]), number(entry["end"]))
              for entry in document["efi"]["memory_map"]
              if entry["number"] in RAM_TYPES and number(entry["attributes"]) & WRITE_BACK]
    pages = row.granule << 10  # of which the kernel takes whole ones
    wanted = [(-(-first // pages) * pages, end // pages * pages) for first, end in merged(wanted)]
    assert ram == [(first, end) for first, end in wanted if first < end]
    size = {"512M": 512 * MIB, "8G": 8192 * MIB}[row.memory]
    assert size * 9 // 10 < sum(end - first for first, end in ram) < size


def test_system_table_rsdp_and_map_are_what_the_report_says(case):
    row, started, _ = case
    efi = started.boot.document["efi"]
    assert started.system_table == b"IBI SYST"
    assert (number(efi["rsdp"]) != 0) == row.acpi
    assert not row.acpi or started.rsdp == b"RSD PTR "
    entries = efi["memory_map"]
    assert len(entries) * efi["descriptor_size"] == efi["map_size"]
    assert all(number(a["end"]) <= number(b["start"]) for a, b in zip(entries, entries[1:]))
    holder = next(entry for entry in entries if
                  number(entry["start"]) <= number(efi["map_start"]) < number(entry["end"]))
    assert holder["type"] == "ACPI reclaim"
    assert re.search(rf"UEFI +system table {efi['system_table']}, RSDP ", started.boot.text)


def test_two_boots_with_entropy_are_at_different_places():
    row = Row(False, 1, True, 4, "8G")
    documents = []
    for _ in range(2):
        start.cache_clear()
        documents.append(start(row).boot.document["image"])
    assert documents[0]["pa"] != documents[1]["pa"]
    assert documents[0]["va"] != documents[1]["va"]


def test_nokaslr_holds_for_the_physical_address_too():
    with Firmware("acpi=off", "nokaslr", arguments=["-bios", FIRMWARE, "-m", "8G", "-device",
                                                    "virtio-rng-pci"]) as running:
        running.expect(PROMPT)
        image = running.document("report json")["image"]
    assert image["kaslr"]["source"] == "off: nokaslr"
    assert number(image["pa"]) == 0x40000000


def test_load_options_that_are_not_ascii_are_said():
    with Firmware("acpi=off", "nokaslr pagoda.x=é") as running:
        running.expect("pagoda: ")
        running.expect("characters of the load options are not ASCII, and became '?'")
        running.expect(PROMPT)
        command_line = running.document("report json")["command_line"]
    assert re.fullmatch(r"nokaslr pagoda\.x=\?+", command_line)


def test_load_options_longer_than_a_command_line_are_cut_with_a_warning():
    with Firmware("acpi=off", "nokaslr " + "x" * 6000) as running:
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == "nokaslr " + "x" * (4095 - 8)
    assert "the command line was cut after 4095 characters" in document["warnings"]


# ---- ACPI alone, on other machines ----

def acpi_boot(machine="", append="nokaslr", cpu="cortex-a57", arguments=()):
    with Firmware(machine, append, cpu=cpu,
                  arguments=["-bios", FIRMWARE, *arguments]) as running:
        return capture(running)


def test_firmwares_screen_has_cpu_page_sizes_and_decision():
    text = acpi_boot().text
    before = text[:text.index("Pagoda 0.")]
    assert re.search(r"pagoda: CPU with MIDR_EL1 0x[0-9a-f]+, page sizes 4K 48 bits, 64K 48 bits",
                     before)
    assert ("pagoda: decision: 4K pages, 48-bit addresses, 44-bit physical addresses"
            in before)


@pytest.mark.parametrize("machine", ["gic-version=2", "gic-version=3"])
def test_input_comes_by_interrupt_with_either_gic(machine):
    assert acpi_boot(machine).document["console"]["input"] == "interrupt"


def test_no_message_speaks_of_an_fdt_that_nobody_saw():
    found = acpi_boot(append="")
    assert any("ACPI has no kaslr-seed" in line for line in found.document["warnings"])
    assert "FDT" not in found.text


def test_an_image_without_a_plan_goes_back_to_firmware_with_words():
    with Firmware("", "arm64.pagesize=16k", cpu="cortex-a57") as running:
        running.expect("pagoda: arm64.pagesize=16k asked for, but the CPU has: 4K 64K")
        running.expect("pagoda: cannot boot; back to the firmware")


# ---- from a disk ----

@contextlib.contextmanager
def disk(path, files, machine="acpi=off", firmware=("-bios", FIRMWARE)):
    """A machine with a FAT disk of @files, {path: bytes}."""
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    with Firmware(machine, kernel=None, arguments=[
            *firmware, "-drive", f"if=none,id=disk,format=raw,file=fat:rw:{path}",
            "-device", "virtio-blk-pci,drive=disk"]) as running:
        yield running


def test_a_disk_with_the_image_as_its_default_boot_file_boots(tmp_path):
    with disk(tmp_path, {"EFI/BOOT/BOOTAA64.EFI": IMAGE.read_bytes()}) as running:
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == ""
    assert document["regime"]["va_bits"] == 52
    assert document["efi"]["memory_map"]


def test_the_shell_passes_arguments_without_the_images_own_name(tmp_path):
    script = b'fs0:\\Image nokaslr arm64.pagesize=16k\r\n'
    with disk(tmp_path, {"Image": IMAGE.read_bytes(), "startup.nsh": script}) as running:
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == "nokaslr arm64.pagesize=16k"
    assert document["regime"]["granule"] == 16384


def flash(variables, code=SECURE_CODE):
    return ["-drive", f"if=pflash,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,file={variables}"]


def variables_of(path, source):
    """A copy of @source that firmware may write to; mostly holes."""
    copy = path / "variables.fd"
    subprocess.run(["cp", "--sparse=always", source, copy], check=True)
    return copy


@slow
def test_a_boot_option_with_arguments_boots_with_them(tmp_path):
    variables = variables_of(tmp_path, VARIABLES)
    root = tmp_path / "disk"
    script = (b"bcfg boot addp 0 fs0:\\Image Pagoda\r\n"
              b"bcfg boot -opt 0x0 fs0:\\options\r\nreset -s\r\n")
    options = "mem=256M nokaslr".encode("utf-16-le")
    with disk(root, {"Image": IMAGE.read_bytes(), "startup.nsh": script, "options": options},
              firmware=flash(variables, SHELL_CODE)) as running:
        running.expect_end()
    (root / "startup.nsh").unlink()
    with disk(root, {}, firmware=flash(variables, SHELL_CODE)) as running:
        running.expect(PROMPT)
        assert running.document("report json")["command_line"] == "mem=256M nokaslr"


# ---- unified kernel images ----

STUB_ROOM = 16 * MIB  # sections are put behind the stub's own, this far apart


def unified(stub, path, sections):
    """@stub with @sections added, {name: bytes}: what ukify makes."""
    data = stub.read_bytes()
    pe = int.from_bytes(data[60:64], "little")
    base = int.from_bytes(data[pe + 48:pe + 56], "little")
    arguments = []
    for number, (name, content) in enumerate(sections.items(), 1):
        file = path / name.strip(".")
        file.write_bytes(content)
        arguments += ["--add-section", f"{name}={file}", "--change-section-vma",
                      f"{name}={base + number * STUB_ROOM:#x}"]
    subprocess.run(["aarch64-linux-gnu-objcopy", *arguments, stub, path / "uki"], check=True)
    return (path / "uki").read_bytes()


@slow
@pytest.mark.parametrize("machine", ["acpi=off", ""])
def test_a_unified_kernel_image_boots_with_its_command_line(tmp_path, machine):
    stub = unpacked("systemd-boot-efi", "usr/lib/systemd/boot/efi/linuxaa64.efi.stub")
    image = unified(stub, tmp_path, {
        ".osrel": b"ID=pagoda\nVERSION_ID=1\n", ".cmdline": b"nokaslr arm64.pagesize=16k",
        ".linux": IMAGE.read_bytes()})
    with disk(tmp_path / "disk", {"EFI/BOOT/BOOTAA64.EFI": image}, machine=machine) as running:
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == "nokaslr arm64.pagesize=16k"
    assert document["regime"]["granule"] == 16384


# ---- Secure Boot ----

@pytest.fixture(scope="module", name="signed")
def fixture_signed(tmp_path_factory):
    """The Image, signed with the key whose certificate the firmware has enrolled."""
    path = tmp_path_factory.mktemp("signed")
    subprocess.run(["openssl", "rsa", "-in", SNAKEOIL / "PkKek-1-snakeoil.key",
                    "-passin", "pass:snakeoil", "-out", path / "key"], check=True,
                   capture_output=True)
    certificate = SNAKEOIL / "PkKek-1-snakeoil.pem"
    result = subprocess.run(
        ["sbsign", "--key", path / "key", "--cert", certificate, "--output", path / "Image", IMAGE],
        check=True, capture_output=True, text=True)
    assert "warning" not in result.stderr
    result = subprocess.run(["sbverify", "--cert", certificate, path / "Image"], check=True,
                            capture_output=True, text=True)
    assert result.stdout + result.stderr == "Signature verification OK\n"
    return path / "Image"


def test_secure_boot_refuses_the_unsigned_image(tmp_path):
    variables = variables_of(tmp_path, SECURE_VARIABLES)
    with disk(tmp_path / "disk", {"EFI/BOOT/BOOTAA64.EFI": IMAGE.read_bytes()}, machine="",
              firmware=flash(variables)) as running:
        running.expect("Access Denied")
        assert "Pagoda" not in running.text


def test_secure_boot_boots_the_signed_image(tmp_path, signed):
    variables = variables_of(tmp_path, SECURE_VARIABLES)
    with Firmware(kernel=signed, append="nokaslr", arguments=flash(variables)) as running:
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == "nokaslr"
    assert document["regime"]["wxn"]


@slow
def test_secure_boot_boots_the_signed_image_from_a_disk(tmp_path, signed):
    variables = variables_of(tmp_path, SECURE_VARIABLES)
    root = tmp_path / "disk/EFI/BOOT"
    root.mkdir(parents=True)
    shutil.copy(signed, root / "BOOTAA64.EFI")
    with disk(tmp_path / "disk", {}, machine="", firmware=flash(variables)) as running:
        running.expect(PROMPT)
        assert running.document("report json")["efi"]["memory_map"]
