# SPDX-License-Identifier: MIT
"""The disk that `make disk` writes, under UEFI firmware: its startup.nsh gives the command line."""
import os
import subprocess

import pytest

from machine import IMAGE, PROMPT, ROOT, Machine
from suite import system
from test_uboot import has_pe_header, slow

FIRMWARE = system("qemu-efi-aarch64", "/usr/share/AAVMF")
APPEND = 'nokaslr pagoda.run="overrides"'


def rename(disk):
    """Hide the Image from firmware, so that the shell is what it starts; tell startup.nsh."""
    fat = f"{disk}@@1M"
    subprocess.run(["mren", "-i", fat, "::/EFI/BOOT/BOOTAA64.EFI", "PAGODA.EFI"], check=True)
    script = subprocess.run(["mtype", "-i", fat, "::/startup.nsh"], check=True,
                            capture_output=True).stdout.replace(b"BOOTAA64", b"PAGODA")
    subprocess.run(["mcopy", "-o", "-i", fat, "-", "::/startup.nsh"], input=script, check=True)


@slow
@pytest.mark.skipif(not has_pe_header(), reason="the Image has no PE header")
def test_the_shell_starts_the_image_with_its_command_line(tmp_path):
    disk = tmp_path / "disk.img"
    subprocess.run([ROOT / "scripts/make-disk", IMAGE, disk], check=True,
                   env={**os.environ, "APPEND": APPEND, "KEY": "", "CERT": ""})
    rename(disk)
    # Firmware has a timer: exceptions are not looked at.
    arguments = ["-d", "guest_errors,unimp", "-drive", f"if=virtio,format=raw,file={disk}"]
    for file, options in (("CODE", "readonly=on"), ("VARS", "snapshot=on")):
        arguments += ["-drive", f"if=pflash,format=raw,file={FIRMWARE}/AAVMF_{file}.fd,{options}"]
    with Machine(kernel=None, arguments=arguments, excused=("pflash_write",)) as running:
        running.expect("startup.nsh")
        running.send("\r")  # any key: do not wait
        running.expect(f"command line {APPEND}\r\n")
        assert "nokaslr" in running.expect(PROMPT)
