# SPDX-License-Identifier: MIT
"""Builds the Linux that Pagoda is compared with, from Debian's source package, in a folder of its
own: arm64, tinyconfig plus what it takes to boot, with 52-bit addresses, and to show its page
tables.

Nothing is downloaded or installed here; scripts/setup does that. What is missing is a Missing,
whose text says what to do.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

SOURCE = pathlib.Path(os.environ.get("PEER_SOURCE", "/usr/src/linux-source-6.12.tar.xz"))
HERE = pathlib.Path(__file__).resolve().parent
CROSS = "aarch64-linux-gnu-"
TOOLS = ("make", "flex", "bison", "bc", "xz", CROSS + "gcc")
DISK_NEEDED = 4 << 30  # source 1.6 GiB, build 0.4 GiB, and some room for both to grow
PROGRESS_SECONDS = 30  # between two lines of progress where nobody watches a terminal
END_OF_DUMP = "peer: end of the dump"

CONFIG = """\
CONFIG_EXPERT=y
CONFIG_ARM64_4K_PAGES=y
CONFIG_ARM64_VA_BITS_52=y
CONFIG_RANDOMIZE_BASE=y
CONFIG_PRINTK=y
CONFIG_TTY=y
CONFIG_ARM_AMBA=y
CONFIG_SERIAL_AMBA_PL011=y
CONFIG_SERIAL_AMBA_PL011_CONSOLE=y
CONFIG_BINFMT_ELF=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_INITRAMFS_SOURCE="initramfs.list"
CONFIG_DEBUG_KERNEL=y
CONFIG_DEBUG_FS=y
CONFIG_PTDUMP_DEBUGFS=y
"""

# For gen_init_cpio: what is in the root file system.
INITRAMFS = """\
dir /dev 0755 0 0
nod /dev/console 0600 0 0 c 5 1
dir /debug 0755 0 0
file /init {init} 0755 0 0
"""


class Missing(Exception):
    """Something that the peer's build needs is not there; says what, and what to do."""


def fingerprint():
    """What the build depends on: it is made again where this changes."""
    what = [CONFIG, INITRAMFS, (HERE / "peer_init.c").read_text(encoding="ascii"), str(SOURCE),
            str(SOURCE.stat().st_size)]
    return hashlib.sha256("\n".join(what).encode()).hexdigest()


def check(folder):
    """Whether a build can begin."""
    if not SOURCE.exists():
        raise Missing(f"{SOURCE} is not there: it is in Debian's package linux-source-6.12, "
                      "which bookworm has in bookworm-security and bookworm-backports: add one of "
                      "them to /etc/apt/sources.list.d, and `apt-get install linux-source-6.12`. "
                      "Bookworm's own linux-source-6.1 will not do: it has no LPA2")
    tools = [tool for tool in TOOLS if shutil.which(tool) is None]
    if tools:
        raise Missing(f"not in PATH: {', '.join(tools)}; `scripts/setup peer` installs them")
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED:
        raise Missing(f"{folder} has {free >> 20} MiB of free disk, and Linux's source and build "
                      f"take {DISK_NEEDED >> 20} MiB: make room, or name another folder with "
                      "PEER_DIR=")


class Progress:
    """One line that says how far it is: over and over on a terminal, now and then in a log."""

    def __init__(self, what):
        self.what, self.start, self.last, self.count = what, time.monotonic(), 0, 0

    def step(self):
        self.count += 1
        now = time.monotonic()
        pause = 0.2 if sys.stderr.isatty() else PROGRESS_SECONDS
        if now - self.last >= pause:
            self.last = now
            self.show("\r" if sys.stderr.isatty() else "\n")

    def show(self, end):
        seconds = int(time.monotonic() - self.start)
        print(f"  {self.what}: {self.count} steps, {seconds // 60}:{seconds % 60:02}   ", end=end,
              file=sys.stderr, flush=True)


def run(what, command, log, **keywords):
    """Run @command at the lowest priority, with a step of progress for each line it prints."""
    progress = Progress(what)
    with open(log, "w", encoding="utf-8") as file, subprocess.Popen(
            ["nice", "-n", "19", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, errors="replace", **keywords) as process:
        for line in process.stdout:
            file.write(line)
            progress.step()
    progress.show("\n")
    if process.returncode != 0:
        raise Missing(f"{' '.join(command)} failed; what it printed is in {log}")


def configure(tree, out, make):
    """tinyconfig with CONFIG on top; every line of it must have come through."""
    run("Linux: tinyconfig", [*make, "tinyconfig"], out / "config.log", cwd=tree)
    with open(out / ".config", "a", encoding="ascii") as file:
        file.write(CONFIG)
    run("Linux: olddefconfig", [*make, "olddefconfig"], out / "config.log", cwd=tree)
    config = (out / ".config").read_text(encoding="ascii").splitlines()
    refused = [line for line in CONFIG.splitlines() if line not in config]
    if refused:
        raise Missing(f"Linux's configuration does not take {', '.join(refused)}: see "
                      f"{out}/.config")


def build(folder):
    """The folder with Image and vmlinux; built where it is not there, or is of other parts."""
    folder = pathlib.Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    out, stamp = folder / "out", folder / "stamp"
    if SOURCE.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint():
        return out
    check(folder)
    out.mkdir(exist_ok=True)
    tree = folder / "source"
    if not (tree / "Makefile").exists():
        tree.mkdir(exist_ok=True)
        run("Linux: unpacking", ["tar", "-xvJf", str(SOURCE), "-C", str(tree),
                                 "--strip-components=1"], folder / "unpack.log")
    (out / "initramfs.list").write_text(INITRAMFS.format(init=folder / "init"), encoding="ascii")
    subprocess.run([CROSS + "gcc", "-O2", "-ffreestanding", "-nostdlib", "-static", "-o",
                    str(folder / "init"), str(HERE / "peer_init.c")], check=True)
    make = ["make", "ARCH=arm64", f"CROSS_COMPILE={CROSS}", f"O={out}"]
    configure(tree, out, make)
    run("Linux: compiling", [*make, f"-j{os.cpu_count()}", "Image"], folder / "build.log", cwd=tree)
    stamp.write_text(fingerprint(), encoding="ascii")
    return out


if __name__ == "__main__":
    try:
        print(build(sys.argv[1]))
    except Missing as missing:
        sys.exit(f"peer_linux: {missing}.")
