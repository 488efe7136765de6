# SPDX-License-Identifier: MIT
"""Debian's U-Boot boots the Image in every way that it knows, and what comes of it is what a direct
boot makes: regime, layout, permissions."""
import contextlib
import functools
import os
import pathlib
import struct
import subprocess
import tempfile

import pytest

from machine import BUILD, IMAGE, ROOT, Machine, boot, capture, follows_firmware, number
from suite import system

UBOOT = str(system("u-boot-qemu", "/usr/lib/u-boot/qemu_arm64/u-boot.bin"))
UBOOT_PROMPT = "=> "
EXCUSED = ("pflash_write",)  # newer ones try commands on flash that QEMU has not
FILE_ADDRESS = 0x48000000  # what QEMU loads for U-Boot to boot from
MIB2 = 2 << 20
slow = pytest.mark.skipif(not os.environ.get("PAGODA_SLOW"), reason="slow: make firmware-test")


def has_pe_header():
    image = IMAGE.read_bytes()
    pe = struct.unpack_from("<I", image, 60)[0]
    return image[:2] == b"MZ" and image[pe:pe + 4] == b"PE\0\0"


@contextlib.contextmanager
def uboot(*arguments, **machine):
    """U-Boot at its prompt."""
    with Machine(kernel=None, arguments=["-bios", UBOOT, *arguments], excused=EXCUSED,
                 **machine) as running:
        running.expect("Hit any key to stop autoboot")
        running.send(" ")
        running.expect(UBOOT_PROMPT)
        yield running


def loader(file, address=FILE_ADDRESS):
    """QEMU's arguments that put a file into RAM."""
    return ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]


def run(running, *lines):
    """Give U-Boot commands; the last one boots. Returns the Boot."""
    for line in lines[:-1]:
        running.send(line + "\r")
        running.expect(UBOOT_PROMPT)
    running.send(lines[-1] + "\r")
    return capture(running)


def permissions(result, root):
    """The map without physical addresses; the identity map from the image's first byte on. Not the
    RAM and FDT, which are where each firmware left them."""
    base = number(result.document["image"]["pa"]) if root == "idmap" else 0
    return [(number(entry["start"]) - base, entry["size"], entry["level"], entry["contiguous"],
             entry["read"], entry["write"], entry["execute"], entry["user"], entry["type"],
             entry["shareability"]) for entry in result.tables(root)
            if root == "idmap" or not follows_firmware(result.document, entry)]


def check(result, append="nokaslr", machine="", cpu="max"):
    """@result is what a direct boot makes, but for where the loader put Image and FDT."""
    direct = boot(cpu, append, machine)
    for key in ("regime", "idmap", "layout", "overrides"):
        assert result.document[key] == direct.document[key], key
    for root in ("kernel", "idmap"):
        assert permissions(result, root) == permissions(direct, root)
    for register in ("TCR", "SCTLR", "MAIR"):
        assert result.control(register) == direct.control(register), register
    assert result.document["image"]["entry_el"] == direct.document["image"]["entry_el"]
    if "efi" in result.document:  # its map is the memory, and U-Boot keeps some of it
        return
    assert [part for part in result.document["memory"] if part["kind"] == "ram"] == \
        [part for part in direct.document["memory"] if part["kind"] == "ram"]


@pytest.mark.parametrize("address, pages",
                         [(0x40400000, "4k"), (0x47FF0000, "16k"), (0x5A212340, "64k")])
def test_booti_of_an_image_anywhere_in_ram(address, pages):
    append = f"nokaslr arm64.pagesize={pages}"
    with uboot(*loader(IMAGE, address)) as running:
        result = run(running, f"setenv bootargs {append}",
                     f"booti {address:x} - $fdtcontroladdr")
    # U-Boot moves what is not 2 MiB aligned, up.
    assert number(result.document["image"]["pa"]) == -(-address // MIB2) * MIB2
    check(result, append)


def test_booti_of_what_qemu_offers_over_fw_cfg():
    with uboot("-kernel", str(IMAGE), "-append", "nokaslr") as running:
        result = run(running, "qfw load 50000000 58000000", "booti 50000000 - $fdtcontroladdr")
    assert number(result.document["image"]["pa"]) == 0x50000000
    check(result)


def test_booti_at_el2():
    with uboot(*loader(IMAGE), machine="virtualization=on") as running:
        result = run(running, "setenv bootargs nokaslr",
                     f"booti {FILE_ADDRESS:x} - $fdtcontroladdr")
    assert result.document["image"]["entry_el"] == 2
    check(result, machine="virtualization=on")


@pytest.mark.parametrize("address", [0x40000008, 0x479FFFF8, 0x5C1FF000])
def test_an_fdt_anywhere_in_ram(address):
    with uboot(*loader(IMAGE)) as running:
        result = run(running, "setenv bootargs nokaslr", "setenv fdt_high ffffffffffffffff",
                     "fdt addr $fdtcontroladdr",
                     f"fdt move $fdtcontroladdr {address:x} 100000",
                     f"booti {FILE_ADDRESS:x} - {address:x}")
    assert [number(part["start"]) for part in result.document["memory"]
            if part["kind"] == "fdt"] == [address]
    check(result)


@functools.lru_cache
def fit():
    """The FIT that `make fit` writes."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        path = pathlib.Path(directory, "pagoda.itb")
        subprocess.run(["mkimage", "-D", f"-I dts -O dtb -p 500 -i {BUILD}", "-f",
                        ROOT / "scripts/pagoda.its", path], check=True, capture_output=True)
        return path.read_bytes()


@pytest.mark.parametrize("address", [0x44000000, 0x50000008, 0x5A2FF000])
def test_bootm_of_a_fit(tmp_path, address):
    path = tmp_path / "pagoda.itb"
    path.write_bytes(fit())
    with uboot(*loader(path, address)) as running:
        result = run(running, "setenv bootargs nokaslr",
                     f"bootm {address:x}#pagoda - $fdtcontroladdr")
        assert "sha256+" in running.text  # checked
    check(result)


def test_bootm_refuses_a_fit_whose_image_has_changed(tmp_path):
    path = tmp_path / "pagoda.itb"
    changed = bytearray(fit())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    with uboot(*loader(path)) as running:
        running.send(f"bootm {FILE_ADDRESS:x}#pagoda - $fdtcontroladdr\r")
        running.expect("Bad hash value")


def disk(path, append):
    subprocess.run([ROOT / "scripts/make-disk", IMAGE, path], check=True,
                   env={**os.environ, "APPEND": append, "KEY": "", "CERT": ""})
    return ["-drive", f"if=virtio,format=raw,file={path}"]


def test_extlinux_from_a_disk_with_nobody_at_the_keyboard(tmp_path):
    append = 'nokaslr pagoda.run="help"'
    arguments = ["-bios", UBOOT, *disk(tmp_path / "disk.img", append)]
    with Machine(kernel=None, arguments=arguments, excused=EXCUSED) as running:
        result = capture(running)
    if "with efi_mgr" in result.text:  # newer ones first look for what has no command line
        assert result.document["command_line"] == "" and result.document["efi"]["memory_map"]
    else:
        assert "extlinux/extlinux.conf" in result.text
        check(result, append)


# What makes newer ones read extlinux.conf first; older ones do anyway.
BY_EXTLINUX = ("setenv bootmeths extlinux", "boot")


def test_extlinux_where_it_is_asked_for(tmp_path):
    append = "nokaslr arm64.pagesize=16k"
    with uboot(*disk(tmp_path / "disk.img", append)) as running:
        result = run(running, *BY_EXTLINUX)
    check(result, append)


# From 0x47f00000 on U-Boot puts its own copy of the FDT.
@pytest.mark.skipif(not has_pe_header(), reason="the Image has no PE header")
@pytest.mark.parametrize("address", [0x40400000, 0x50010000, 0x5A212340])
def test_bootefi(address):
    with uboot(*loader(IMAGE, address)) as running:
        result = run(running, "setenv bootargs nokaslr",
                     f"bootefi {address:x}:{IMAGE.stat().st_size:x} $fdtcontroladdr")
    check(result)


@slow
@pytest.mark.parametrize("machine", ["", "virtualization=on"])
@pytest.mark.parametrize("cpu", ["max", "max,lpa2=off", "cortex-a57"])
@pytest.mark.parametrize("pages", ["4k", "16k", "64k"])
def test_extlinux_on_every_machine(tmp_path, machine, cpu, pages):
    if (cpu, pages) == ("cortex-a57", "16k"):
        pytest.skip("the CPU has no 16K pages")
    append = f"nokaslr arm64.pagesize={pages}"
    with uboot(*disk(tmp_path / "disk.img", append), cpu=cpu, machine=machine) as running:
        result = run(running, *BY_EXTLINUX)
    check(result, append, machine, cpu)


@slow
@pytest.mark.parametrize("pages", ["4k", "16k", "64k"])
def test_bootm_of_a_fit_on_a_large_machine(tmp_path, pages):
    path = tmp_path / "pagoda.itb"
    path.write_bytes(fit())
    append = f"nokaslr arm64.pagesize={pages}"
    with uboot(*loader(path), "-m", "8G") as running:
        result = run(running, f"setenv bootargs {append}",
                     f"bootm {FILE_ADDRESS:x}#pagoda - $fdtcontroladdr")
    assert [(number(part["start"]), number(part["end"])) for part in result.document["memory"]
            if part["kind"] == "ram"] == [(0x40000000, 0x240000000)]
