# SPDX-License-Identifier: MIT
"""scripts/setup on made-up machines: a PATH of empty commands, a directory that stands for /, and
an apt-get that notes how it was called. Nothing on the real machine is touched."""
import pathlib
import subprocess

import pytest

SETUP = pathlib.Path(__file__).parents[2] / "scripts/setup"
MODULES = "/usr/lib/python3/dist-packages"
COMMANDS = {
    "make": "make",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "aarch64-linux-gnu-ld": "binutils-aarch64-linux-gnu",
    "qemu-system-aarch64": "qemu-system-arm",
    "dtc": "device-tree-compiler",
    "gcc": "gcc",
    "tmux": "tmux",
    "mkimage": "u-boot-tools",
    "mcopy": "mtools",
    "sbsign": "sbsigntool",
    "openssl": "openssl",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "gdb-multiarch": "gdb-multiarch",
}
FILES = {
    "/usr/bin/python3": "python3",
    "/usr/share/AAVMF/AAVMF_CODE.fd": "qemu-efi-aarch64",
    "/usr/lib/u-boot/qemu_arm64/u-boot.bin": "u-boot-qemu",
    "/sbin/sfdisk": "fdisk",
    "/sbin/mkfs.vfat": "dosfstools",
    "/usr/include/stdio.h": "libc6-dev",
    "/usr/include/cmocka.h": "libcmocka-dev",
    "/usr/include/libfdt.h": "libfdt-dev",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core",
    f"{MODULES}/pytest/__init__.py": "python3-pytest",
    f"{MODULES}/xdist/__init__.py": "python3-pytest-xdist",
    f"{MODULES}/jsonschema/__init__.py": "python3-jsonschema",
    f"{MODULES}/pexpect/__init__.py": "python3-pexpect",
    f"{MODULES}/hypothesis/__init__.py": "python3-hypothesis",
    f"{MODULES}/elftools/__init__.py": "python3-pyelftools",
}


class Machine:
    """A Debian machine for root, with everything for `make test` but what a test takes away."""

    def __init__(self, path):
        self.bin, self.root, self.log = path / "bin", path / "root", path / "log"
        self.bin.mkdir()
        self.log.touch()
        for name in COMMANDS:
            self.command(name, "exit 1")
        for name in FILES:
            self.file(name)
        self.user(0)
        self.command("env", 'exec /usr/bin/env "$@"')
        self.apt("")

    def command(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def file(self, name):
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def user(self, number):
        self.command("id", f"echo {number}")

    def apt(self, script):
        note = f'echo "${{DEBIAN_FRONTEND:-}} apt-get $*" >> {self.log}'
        self.command("apt-get", f"{note}\n{script}")

    def remove(self, *names):
        for name in names:
            ((self.root / name[1:]) if name[0] == "/" else self.bin / name).unlink()

    def setup(self, *arguments, **environment):
        return subprocess.run(
            [SETUP, *arguments], env={"PATH": str(self.bin), "SETUP_ROOT": str(self.root),
                                      **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def calls(self):
        """The apt-get calls, each as its words."""
        return [line.split() for line in self.log.read_text().splitlines()]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


# What apt-get does when it works: dtc and cmocka appear.
def installs(machine):
    return (f'[ "$4" != install ] && exit\nPATH=/usr/bin:/bin\n'
            f"cp {machine.bin}/make {machine.bin}/dtc\ntouch {machine.root}/usr/include/cmocka.h")


def test_a_machine_with_everything_is_left_alone_in_silence(machine):
    result = machine.setup("test")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert machine.calls() == []


@pytest.mark.parametrize("name, package", [*COMMANDS.items(), *FILES.items()])
def test_each_missing_thing_asks_for_the_package_that_brings_it(machine, name, package):
    machine.remove(name)
    assert machine.setup("test").returncode == 1
    assert machine.calls()[1][-1] == package


def test_missing_packages_come_in_one_transaction_without_questions(machine):
    machine.remove("dtc", "/usr/include/cmocka.h")
    machine.apt(installs(machine))
    result = machine.setup("test")
    assert result.returncode == 0
    update, install = machine.calls()
    assert update[:2] == install[:2] == ["noninteractive", "apt-get"]
    assert update[-1] == "update"
    assert install[-5:] == ["install", "-y", "--no-install-recommends",
                            "device-tree-compiler", "libcmocka-dev"]
    assert "device-tree-compiler: makes device trees to boot with (dtc)" in result.stderr
    assert "libcmocka-dev: the framework of the unit tests" in result.stderr


def test_a_second_run_installs_nothing(machine):
    machine.remove("dtc", "/usr/include/cmocka.h")
    machine.apt(installs(machine))
    assert machine.setup("test").returncode == 0
    assert machine.setup("test").stderr == ""
    assert len(machine.calls()) == 2


def test_running_needs_nothing_that_only_tests_use(machine):
    machine.remove("gcc", "chromium", "chromedriver", "gdb-multiarch",
                   *(name for name in FILES if name != "/usr/bin/python3"))
    assert machine.setup("run").returncode == 0
    assert machine.calls() == []


@pytest.mark.parametrize("group, packages", [
    ("lint", ["clang-format", "clang-tidy", "cppcheck", "shellcheck"]),
    ("gdb", ["gdb-multiarch"]),
    ("view", ["chromium", "chromium-driver", "fonts-dejavu-core"]),
    ("fuzz", ["clang-14", "libclang-rt-14-dev"]),
    ("coverage", ["gcovr"]),
    ("proof", ["clang-14", "python3-z3"]),
    ("peer", ["linux-source-6.12", "flex", "bison", "bc", "xz-utils"]),
])
def test_each_group_brings_its_own_tools(machine, group, packages):
    machine.remove("gdb-multiarch", "chromium", "chromedriver",
                   "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    machine.setup(group)
    assert machine.calls()[1][-len(packages):] == packages


def test_without_root_and_sudo_it_prints_the_command_and_stops(machine):
    machine.user(1000)
    machine.remove("dtc")
    result = machine.setup("run")
    assert result.returncode == 1
    assert machine.calls() == []
    assert ("  apt-get update && apt-get install -y --no-install-recommends device-tree-compiler\n"
            in result.stderr)


def test_a_sudo_that_would_ask_for_a_password_is_not_used_where_nobody_answers(machine):
    machine.user(1000)
    machine.remove("dtc")
    machine.command("sudo", "exit 1")
    result = machine.setup("run")
    assert result.returncode == 1
    assert machine.calls() == []
    assert "apt-get install" in result.stderr


def test_a_user_with_sudo_installs_through_it(machine):
    machine.user(1000)
    machine.remove("dtc", "/usr/include/cmocka.h")
    machine.command("sudo", f'echo "sudo $1 $2" >> {machine.log}\n[ "$1" = -n ] || exec "$@"')
    machine.apt(installs(machine))
    assert machine.setup("test").returncode == 0
    words = [call[:3] for call in machine.calls()]
    assert words == [["sudo", "-n", "true"],
                     ["sudo", "env", "DEBIAN_FRONTEND=noninteractive"],
                     ["noninteractive", "apt-get", "-q"]] + words[1:3]


def test_a_system_without_apt_names_the_tools_and_stops(machine):
    machine.remove("apt-get", "dtc", "/usr/include/cmocka.h")
    result = machine.setup("test")
    assert result.returncode == 1
    assert "no apt-get" in result.stderr
    assert "(dtc)" in result.stderr and "(/usr/include/cmocka.h)" in result.stderr


def test_a_failed_update_is_told_and_does_not_stop_the_installation(machine):
    machine.remove("dtc", "/usr/include/cmocka.h")
    machine.apt('[ "$4" = update ] && exit 100\n' + installs(machine))
    result = machine.setup("test")
    assert result.returncode == 0
    assert "update failed" in result.stderr


def test_a_failed_installation_says_what_to_look_for(machine):
    machine.remove("dtc")
    machine.apt('[ "$4" = update ] || exit 100')
    result = machine.setup("run")
    assert result.returncode == 1
    assert "could not install" in result.stderr and "lock" in result.stderr


def test_an_installation_that_brings_nothing_is_an_error(machine):
    machine.remove("dtc")
    result = machine.setup("run")
    assert result.returncode == 1
    assert "not where they should be" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("everything",), ("run", "test"), ("",)])
def test_wrong_arguments_show_the_usage(machine, arguments):
    result = machine.setup(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage:")
