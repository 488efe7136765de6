# SPDX-License-Identifier: MIT
"""scripts/check-rooms on small objects, each made with the cross compiler: what points down passes,
and every arrow up is seen, with the names at both of its ends."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK = ROOT / "scripts/check-rooms"
CC = ["aarch64-linux-gnu-gcc", "-O2", "-g", "-ffreestanding", "-fpie", "-fvisibility=hidden"]
ROOMS = """
lib    # lowest
mm/pt
kernel/show
"""
FORMAT = "int format(int number) { return number * 10; }\n"
WALK = "int format(int number);\nint walk(int va) { return format(va) + 1; }\n"
REPORT = "int walk(int va);\nint report(void) { return walk(1) + 1; }\n"


class House:
    """A directory with a list of rooms, and objects in build/."""

    def __init__(self, path):
        self.path = path
        self.objects = []
        self.rooms(ROOMS)

    def rooms(self, text):
        (self.path / "rooms").write_text(text)

    def build(self, name, source, suffix=".c"):
        """The object build/@name.o."""
        file = self.path / "build" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(suffix).write_text(source)
        target = f"build/{name}.o"
        subprocess.run([*CC, "-c", "-o", target, f"build/{name}{suffix}"], cwd=self.path,
                       check=True)
        if target not in self.objects:
            self.objects.append(target)

    def run(self, *objects):
        return subprocess.run([CHECK, "rooms", "build", *(objects or self.objects)], cwd=self.path,
                              capture_output=True, text=True, check=False)

    def check(self):
        result = self.run()
        assert result.returncode == (1 if result.stdout else 0), result.stderr
        assert not result.stderr
        return result.stdout.splitlines()


@pytest.fixture
def house(tmp_path):
    """A house in which all arrows point down."""
    house = House(tmp_path)
    house.build("lib/format", FORMAT)
    house.build("mm/pt/walk", WALK)
    house.build("kernel/show/report", REPORT)
    return house


def test_arrows_that_point_down_pass(house):
    assert house.check() == []


def test_an_arrow_up_is_seen_with_both_objects_and_both_symbols(house):
    house.build("lib/format", "int report(void);\n"
                              "int format(int number) { return report() + number; }\n")
    assert house.check() == ["lib/format.o: format: uses report of kernel/show/report.o, "
                             "which is above it"]


def test_a_circle_of_two_rooms_is_an_arrow_up_in_one_of_them(house):
    house.build("mm/pt/walk", WALK + "int report(void);\nint back(void) { return report() + 1; }\n")
    assert house.check() == ["mm/pt/walk.o: back: uses report of kernel/show/report.o, "
                             "which is above it"]


def test_the_same_use_is_said_once(house):
    house.build("mm/pt/walk", "int format(int number);\nint report(void);\n"
                              "int walk(int va) { return format(va) + report() + 2 * report(); }\n")
    assert len(house.check()) == 1


def test_a_pointer_in_data_is_a_use(house):
    house.build("mm/pt/walk", WALK + "int report(void);\nint (*hook)(void) = report;\n")
    assert house.check() == ["mm/pt/walk.o: hook: uses report of kernel/show/report.o, "
                             "which is above it"]


def test_a_function_of_assembly_is_a_use(house):
    house.build("mm/pt/entry", ".global entry\n.type entry, @function\nentry:\n\tb report\n"
                               ".size entry, . - entry\n", ".S")
    assert house.check() == ["mm/pt/entry.o: entry: uses report of kernel/show/report.o, "
                             "which is above it"]


def test_objects_of_one_room_may_form_a_circle(house):
    house.build("mm/pt/map", "int walk(int va);\nint map(void) { return walk(0) + 1; }\n")
    house.build("mm/pt/walk", WALK + "int map(void);\nint again(void) { return map() + 1; }\n")
    assert house.check() == []


def test_folders_on_one_line_are_one_room(house):
    house.rooms("lib gen\nmm/pt\nkernel/show\n")
    house.build("gen/table", "int format(int number);\nint table(void) { return format(1) + 1; }\n")
    house.build("lib/format", FORMAT + "int table(void);\nint f(void) { return table() + 1; }\n")
    assert house.check() == []


def test_what_the_linker_defines_is_everybodys(house):
    house.build("lib/format",
                FORMAT + "extern char _text[];\nchar *start(void) { return _text; }\n")
    assert house.check() == []


def test_a_local_function_of_the_same_name_is_no_use(house):
    house.build("lib/format", "static __attribute__((noinline)) int report(int n)\n"
                              '{ __asm__(""); return n; }\n'
                              "int format(int number) { return report(number) + 1; }\n")
    assert house.check() == []


def test_a_weak_definition_gives_way_to_the_one_that_is_linked(house):
    house.build("kernel/show/report", REPORT + "__attribute__((weak)) int format(int number)\n"
                                               "{ return number; }\n")
    assert house.check() == []


def test_a_room_that_is_not_in_the_list_is_seen(house):
    house.build("kernel/new/fresh", "int fresh(void) { return 1; }\n")
    assert house.check() == ["kernel/new: is not in rooms: which rooms may use it?"]


def test_a_room_that_has_no_object_is_seen(house):
    house.rooms(ROOMS + "kernel/gone\n")
    assert house.check() == ["kernel/gone: is in rooms, but no object is in it"]


def test_a_room_that_is_listed_twice_is_an_error_of_its_own(house):
    house.rooms(ROOMS + "mm/pt\n")
    result = house.run()
    assert result.returncode == 2
    assert result.stderr == "check-rooms: rooms: mm/pt stands there more than once\n"


def test_an_object_outside_the_build_is_an_error_of_its_own(house):
    (house.path / "stray.o").write_bytes(b"")
    result = house.run("stray.o")
    assert result.returncode == 2
    assert result.stderr.startswith("check-rooms: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF\x02\x01" + 20 * b"\0",
                                     b"\x7fELF\x02\x01" + 12 * b"\0" + b"\xb7" + 99 * b"\xff"])
def test_a_file_that_is_no_object_is_an_error_of_its_own(house, content):
    (house.path / "build/lib/bad.o").write_bytes(content)
    result = house.run("build/lib/bad.o")
    assert result.returncode == 2
    assert result.stderr.startswith("check-rooms: build/lib/bad.o: ")
    assert "Traceback" not in result.stderr


def test_headers_are_included_downwards_too():
    """Types have no symbols: what the build cannot see of an arrow, the sources tell."""
    listed = re.findall(r"^(\w\S*)", (ROOT / "scripts/rooms.txt").read_text(encoding="utf-8"),
                        re.MULTILINE)

    def place(path):
        if path.startswith("arch/") and not path.startswith("arch/arm64/"):
            path = "arch/arm64/cpu/"  # its headers are all of arch's
        return max((index for index, room in enumerate(listed) if path.startswith(room + "/")),
                   default=-1)

    upwards = []
    for top in ("arch", "efi", "include/pagoda", "kernel", "lib", "mm", "pi"):
        for path in sorted((ROOT / top).rglob("*.[chS]")):
            name = path.relative_to(ROOT).as_posix()
            for header in re.findall(r"#include <pagoda/(\S+)>", path.read_text(encoding="utf-8")):
                here = place(name.removeprefix("include/pagoda/"))
                if here >= 0 and place(header) > here:
                    upwards.append(f"{name}: {header}")
    assert upwards == []
