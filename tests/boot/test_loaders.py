# SPDX-License-Identifier: MIT
"""The Image as the field's boot loaders start it: GRUB, systemd-boot, a unified kernel image, PXE,
kexec from a Linux that was itself started with a device tree, by UEFI, or with ACPI only, and Xen.
Debian's packages for arm64, which scripts/fetch-loaders unpacks; slow, and part of
`make firmware-test`.
"""
import contextlib
import functools
import gzip
import re
import shutil
import subprocess
import sys

import pytest

from loader import compile_tree, machine_tree
from machine import IMAGE, PROMPT, ROOT, number
from suite import FOLDER, unpacked
from test_uefi import FIRMWARE, Firmware, disk, slow, unified

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

pytestmark = slow

LINE = "nokaslr arm64.pagesize=16k"
BY_GRUB = "BOOT_IMAGE=/Image"  # which its `linux` puts before that
MACHINES = pytest.mark.parametrize("machine", ["acpi=off", "", "virtualization=on"])
BOOT_FILE = "EFI/BOOT/BOOTAA64.EFI"


def start(path, files, machine, line=LINE):
    """The report of the Image that a loader finds on a disk of @files, with the command line."""
    with disk(path, files, machine=machine) as running:
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == line
    assert document["regime"]["granule"] == 16384
    assert [word["status"] for word in document["overrides"]] == ["applied"]  # nokaslr
    assert document["efi"]["memory_map"]
    return document


def grub(entry):
    """The disk on which GRUB executes @entry; the one file where Debian's looks for its own."""
    program = unpacked("grub-efi-arm64-bin", "usr/lib/grub/arm64-efi/monolithic/grubaa64.efi")
    return {BOOT_FILE: program.read_bytes(), "Image": IMAGE.read_bytes(),
            "EFI/debian/grub.cfg": f"set timeout=0\nmenuentry Pagoda {{\n{entry}\n}}\n".encode()}


@MACHINES
def test_grubs_linux_command_starts_it(tmp_path, machine):
    start(tmp_path, grub(f"linux /Image {LINE}"), machine, f"{BY_GRUB} {LINE}")


@MACHINES
def test_grubs_chainloader_starts_it(tmp_path, machine):
    start(tmp_path, grub(f"chainloader /Image {LINE}"), machine)


def test_an_initial_ram_disk_that_grub_offers_is_left_alone(tmp_path):
    files = grub(f"linux /Image {LINE}\ninitrd /initrd")
    start(tmp_path, {**files, "initrd": bytes(1 << 20)}, "acpi=off", f"{BY_GRUB} {LINE}")


def test_grub_unpacks_a_gzip_image(tmp_path):
    files = grub(f"linux /Image.gz {LINE}")
    start(tmp_path, {**files, "Image.gz": gzip.compress(IMAGE.read_bytes())}, "acpi=off",
          f"BOOT_IMAGE=/Image.gz {LINE}")


def systemd_boot(**files):
    program = unpacked("systemd-boot-efi", "usr/lib/systemd/boot/efi/systemd-bootaa64.efi")
    return {BOOT_FILE: program.read_bytes(), **files}


@MACHINES
def test_an_entry_of_systemd_boot_starts_it(tmp_path, machine):
    entry = f"title Pagoda\nlinux /Image\noptions {LINE}\n".encode()
    start(tmp_path, systemd_boot(**{"Image": IMAGE.read_bytes(), "loader/loader.conf":
                                    b"timeout 0\ndefault pagoda.conf\n",
                                    "loader/entries/pagoda.conf": entry}), machine)


@MACHINES
def test_systemd_boot_finds_and_starts_a_unified_kernel_image(tmp_path, machine):
    stub = unpacked("systemd-boot-efi", "usr/lib/systemd/boot/efi/linuxaa64.efi.stub")
    image = unified(stub, tmp_path, {
        ".osrel": b"ID=pagoda\nNAME=Pagoda\nVERSION_ID=1\n", ".cmdline": LINE.encode(),
        ".linux": IMAGE.read_bytes()})
    start(tmp_path / "disk", systemd_boot(**{"EFI/Linux/pagoda.efi": image, "loader/loader.conf":
                                             b"timeout 0\n"}), machine)


def test_firmware_boots_it_over_the_network(tmp_path):
    """By PXE: DHCP names the file, TFTP brings it; of a command line neither knows."""
    shutil.copy(IMAGE, tmp_path / "Image")
    with Firmware("acpi=off", kernel=None, arguments=[
            "-bios", FIRMWARE, "-netdev", f"user,id=net,tftp={tmp_path},bootfile=Image",
            "-device", "virtio-net-pci,netdev=net,romfile="]) as running:
        running.expect("NBP file downloaded successfully")
        running.expect(PROMPT)
        document = running.document("report json")
    assert document["command_line"] == "" and document["efi"]["memory_map"]


# ---- kexec ----

# With LPA2 in use Linux 6.12 ends in an oops of its own where it copies its map for kexec.
LINUX_LINE = "console=ttyAMA0 quiet panic=-1 arm64.nolva"


@contextlib.contextmanager
def kexec(path, machine="", arguments=()):
    """The Image, started by kexec from a Linux that QEMU or its firmware has started."""
    kernel = unpacked("linux-image-arm64", "boot/vmlinuz-*")
    for package, *places in (("busybox-static", "bin/busybox", "usr/bin/busybox"),
                             ("kexec-tools", "sbin/kexec", "usr/sbin/kexec")):
        unpacked(package, *places)
    ram_disk = path / "initramfs"
    subprocess.run([ROOT / "scripts/make-initramfs", "--append", LINE, FOLDER, IMAGE, ram_disk],
                   check=True)
    with Firmware(machine, LINUX_LINE, kernel=kernel, cpu=CPU,
                  arguments=[*arguments, "-initrd", str(ram_disk)]) as running:
        running.expect("kexec: loading the Image")
        running.expect(PROMPT)
        yield running


def check_kexec(running, el):
    document = running.document("report json")
    assert document["command_line"] == LINE
    assert document["regime"]["granule"] == 16384
    assert document["image"]["entry_el"] == el
    assert document["console"]["type"] == "PL011"
    assert document["psci"] == ("smc" if el == 2 else "hvc")
    return document


CPU = "max,pauth-impdef=on"  # the algorithm that QEMU is quick with
DEVICE_TREE = pytest.mark.parametrize("machine,el", [("", 1), ("virtualization=on", 2)])


@DEVICE_TREE
def test_kexec_from_a_linux_with_a_device_tree(tmp_path, machine, el):
    with kexec(tmp_path, machine) as running:
        document = check_kexec(running, el)
    size = sum(number(entry["end"]) - number(entry["start"]) for entry in document["memory"]
               if entry["kind"] == "ram")
    assert size == 512 << 20


RUNTIME = {5, 6}  # services of firmware's that stay after boot, code and data


@functools.lru_cache
def kept_by_firmware(machine):
    """The memory that firmware keeps for good: the same at every boot of a machine."""
    with Firmware(machine, LINE, cpu=CPU) as running:
        running.expect(PROMPT)
        entries = running.document("report json")["efi"]["memory_map"]
    return [(number(entry["start"]), number(entry["end"])) for entry in entries
            if entry["number"] in RUNTIME]


@pytest.mark.parametrize("machine,el", [
    ("acpi=off", 1), ("", 1), ("virtualization=on", 2)])
def test_kexec_from_a_linux_that_uefi_started(tmp_path, machine, el):
    """By its device tree, or by ACPI, which leaves no tree to hand on: console, GIC, PSCI are those
    of the tables then."""
    with kexec(tmp_path, machine, ["-bios", FIRMWARE]) as running:
        document = check_kexec(running, el)
    assert document["console"]["source"] == "stdout-path"
    assert document["console"]["input"] == "interrupt"
    assert document["warnings"] == []
    assert (number(document["efi"]["rsdp"]) != 0) == (machine != "acpi=off")
    kept = kept_by_firmware(machine)
    assert kept
    for entry in document["memory"]:
        if entry["kind"] == "ram":
            assert all(end <= number(entry["start"]) or number(entry["end"]) <= first
                       for first, end in kept), entry


# ---- Xen ----

XEN_CPU = "cortex-a57"
XEN_LINE = "nokaslr arm64.pagesize=64k"
GUEST_AT = 0x50000000


def xen(append, *arguments):
    hypervisor = unpacked("xen-hypervisor", "boot/xen-*-arm64")
    return Firmware("virtualization=on", append, kernel=hypervisor, arguments=arguments,
                    cpu=XEN_CPU)


def test_xen_without_a_console_gives_its_first_domain_the_pl011():
    """And behind Xen's stage 2 the self tests find what they find on the machine itself."""
    with xen("dom0_mem=512M dtuart=/none", "-m", "1G", "-device",
             f"guest-loader,addr=0x60000000,kernel={IMAGE},bootargs={XEN_LINE}") as running:
        running.expect(PROMPT)
        document = running.document("report json")
        results = ktap.parse(running.command("selftest all"))
    assert document["command_line"] == XEN_LINE
    assert (document["image"]["entry_el"], document["psci"]) == (1, "hvc")
    assert document["console"]["type"] == "PL011"
    assert results.unexpected() == [] and results.count("pass") >= 55


def test_a_domain_of_xens_has_a_console_that_xen_makes(tmp_path):
    """An SBSA UART of Xen's own, whose lines Xen prints with a prefix."""
    blob = tmp_path / "xen.dtb"
    blob.write_bytes(compile_tree(machine_tree("virtualization=on") + f"""
        / {{ chosen {{
            #address-cells = <2>; #size-cells = <2>;
            xen,xen-bootargs = "dtuart=/pl011@9000000 bootscrub=0";
            guest {{
                compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
                memory = <0 0x20000>; cpus = <1>; vpl011;
                module@{GUEST_AT:x} {{
                    compatible = "multiboot,kernel", "multiboot,module";
                    reg = <0 {GUEST_AT:#x} 0 {IMAGE.stat().st_size:#x}>;
                    bootargs = "{XEN_LINE} pagoda.run=\\"poweroff\\"";
                }};
            }};
        }}; }};"""))
    with xen("", "-dtb", str(blob), "-device",
             f"loader,file={IMAGE},addr={GUEST_AT:#x},force-raw=on") as running:
        running.expect(f"{PROMPT}poweroff")
        text = running.text
    # What stands before a line of the domain is another in each version of Xen.
    guest = {re.sub(r"^\(XEN\) (DOM1: )? +", "", line) for line in text.splitlines()}
    assert f'command line {XEN_LINE} pagoda.run="poweroff"' in guest
    assert "memory       0x0000000040000000-0x0000000048000000   128M  ram" in guest
    assert "console      SBSA UART at 0x0000000022000000 (first-uart)" in guest
    assert "PSCI         hvc" in guest
