# SPDX-License-Identifier: MIT
"""scripts/check-sealed on small objects, each made with the cross compiler: what is clean passes,
and every way out of the sealed room is seen."""
import pathlib
import subprocess

import pytest

CHECK = pathlib.Path(__file__).parents[2] / "scripts/check-sealed"
CC = ["aarch64-linux-gnu-gcc", "-std=gnu11", "-O2", "-g", "-ffreestanding", "-fpie",
      "-mstrict-align", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
      "-fvisibility=hidden"]
CLEAN = """
static int pick(int number)
{
	switch (number) {
	case 0: return 17;
	case 1: return 4;
	case 2: return 99;
	case 3: return -6;
	case 4: return 1234567;
	case 5: return 42;
	}
	return 0;
}
static const char table[][8] = { "zero", "one", "two" };
long helper(const char *text, int number);
unsigned long release(unsigned long *to, int number)
{
	__atomic_store_n(to, 1, __ATOMIC_RELEASE);
	return helper(table[number], pick(number)) + __atomic_load_n(to, __ATOMIC_ACQUIRE);
}
"""


class Room:
    """A directory to compile into, and the check over what is in it."""

    def __init__(self, path):
        self.path = path
        self.imports("helper # the one thing that CLEAN imports\n")

    def imports(self, text):
        (self.path / "list").write_text(text)

    def compile(self, source, *flags, name="early.c"):
        (self.path / name).write_text(source)
        subprocess.run([*CC, *flags, "-c", name], cwd=self.path, check=True)
        return str(pathlib.Path(name).with_suffix(".o"))

    def check(self, *arguments):
        result = subprocess.run([CHECK, *arguments], cwd=self.path, capture_output=True, text=True,
                                check=False)
        assert result.returncode == (1 if result.stdout else 0), result.stderr
        assert not result.stderr
        return result.stdout.splitlines()

    def early(self, *objects):
        return self.check("--imports", "list", *objects)

    def early_source(self, source, *flags):
        """The faults of one early object, which imports nothing else than it must."""
        self.imports("")
        return self.early(self.compile(source, *flags))


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def test_a_clean_object_passes(room):
    assert room.early(room.compile(CLEAN)) == []


def test_debug_information_may_hold_absolute_addresses(room):
    room.compile(CLEAN)
    listing = subprocess.run(["aarch64-linux-gnu-readelf", "-rW", "early.o"], cwd=room.path,
                             capture_output=True, text=True, check=True).stdout
    assert "R_AARCH64_ABS64" in listing
    assert room.early("early.o") == []


def test_a_pointer_in_static_data_is_absolute(room):
    faults = room.early_source("static int x;\n"
                               "static void *p = &x;\n"
                               "void *volatile *q(void) { return (void *volatile *)&p; }\n")
    assert any(fault.startswith("early.o: p: holds an absolute address (R_AARCH64_ABS64)")
               for fault in faults)


def test_a_constant_table_of_strings_is_absolute(room):
    faults = room.check("--shared", room.compile(
        'static const char *const names[] = { "a", "bc" };\n'
        "const char *name(int i) { return names[i]; }\n"))
    assert len(faults) == 2
    assert all(fault.startswith("early.o: names: holds an absolute address") for fault in faults)


def test_a_literal_pool_is_absolute(room):
    faults = room.early_source('__asm__("f: ldr x0, =f\\nret\\n");')
    assert len(faults) == 1
    assert "R_AARCH64_ABS64" in faults[0]


def test_an_address_built_with_mov_is_absolute(room):
    faults = room.early_source('__asm__("f: movz x0, #:abs_g1:f\\nret\\n");')
    assert len(faults) == 1
    assert "R_AARCH64_MOVW_UABS_G1" in faults[0]


def test_an_access_through_the_got_is_seen(room):
    room.imports("far")
    faults = room.early(room.compile("extern __attribute__((visibility(\"default\"))) int far;\n"
                                     "int get(void) { return far; }\n", "-fPIC"))
    assert faults[0] == ("early.o: get: goes through the GOT (R_AARCH64_ADR_GOT_PAGE), whose "
                         "entries are wrong until the image is relocated: far")


def test_thread_local_storage_is_not_known_to_work(room):
    faults = room.early_source("static __thread int x;\nint *f(void) { return &x; }\n")
    assert any("f: needs relocation type" in fault for fault in faults)


def test_simd_is_seen_with_its_register(room):
    faults = room.early_source("void f(double *d) { *d = *d * 2; }")
    assert any(fault.startswith("early.o: f: uses d") and "SIMD" in fault for fault in faults)


def test_access_to_the_floating_point_control_register_is_seen(room):
    faults = room.early_source('void f(void) { __asm__("msr fpcr, xzr"); }')
    assert len(faults) == 1


def test_a_branch_target_is_not_taken_for_a_register(room):
    # The branch at 0 goes to d0, and is printed as "b d0 <f+0xd0>".
    assert room.early_source('__asm__("f: b 1f\\n.fill 51, 4, 0xd503201f\\n1: ret\\n");') == []


def test_dc_zva_is_seen(room):
    faults = room.early_source('void f(void *p) { __asm__("dc zva, %0" : : "r"(p)); }')
    assert len(faults) == 1
    assert faults[0].startswith("early.o: f: dc zva: faults on Device memory")


def test_other_cache_instructions_are_fine(room):
    assert room.early_source('void f(void *p) { __asm__("dc civac, %0" : : "r"(p)); }') == []


@pytest.mark.parametrize("flag, mnemonic", [
    ("-mno-outline-atomics", "ldxr"), ("-march=armv8.1-a", "ldadd")])
def test_atomics_are_seen(room, flag, mnemonic):
    faults = room.early_source(
        "long f(long *p) { return __atomic_fetch_add(p, 1, __ATOMIC_RELAXED); }", flag)
    assert any(f"early.o: f: {mnemonic}: exclusives" in fault for fault in faults)


@pytest.mark.parametrize("instruction", [
    "ldxr w0, [x1]", "stxr w2, w0, [x1]", "ldaxrb w0, [x1]", "stlxp w4, x0, x2, [x1]",
    "casal x0, x2, [x1]", "caspa x0, x1, x2, x3, [x4]", "swpl x0, x2, [x1]", "stset x0, [x1]",
    "ldumaxalh w0, w2, [x1]"])
def test_every_kind_of_atomic_instruction_is_seen(room, instruction):
    faults = room.early_source(f'__asm__("f: {instruction}\\nret\\n");', "-march=armv8.1-a")
    assert len(faults) == 1
    assert "exclusives and atomics" in faults[0]


@pytest.mark.parametrize("data", [
    "int x;", "int x = 1;", "static int x; int *f(void) { return &x; }"])
def test_early_objects_hold_no_writable_data(room, data):
    faults = room.early_source(data)
    assert len(faults) == 1
    assert faults[0].startswith("early.o: x: is writable data")


def test_common_data_is_writable_data(room):
    assert "common" in room.early_source("int x;", "-fcommon")[0]


def test_shared_objects_may_hold_plain_data(room):
    assert room.check("--shared", room.compile("int x = 1;")) == []


def test_an_unlisted_import_is_seen(room):
    room.imports("")
    faults = room.early(room.compile(CLEAN))
    assert faults == ["early.o: helper: is imported, but not from the early runtime or list"]


def test_early_objects_may_import_from_each_other(room):
    room.imports("")
    other = room.compile("long helper(const char *text, int n) { return text[n]; }", name="b.c")
    assert room.early(room.compile(CLEAN), other) == []


def test_a_local_symbol_does_not_satisfy_an_import(room):
    room.imports("")
    other = room.compile('__asm__("helper: ret");', name="b.c")
    assert len(room.early(room.compile(CLEAN), other)) == 1


def test_an_import_from_a_shared_object_must_be_listed(room):
    objects = (room.compile(CLEAN), "--shared",
               room.compile("long helper(const char *text, int n) { return text[n]; }", name="b.c"))
    assert room.early(*objects) == []
    room.imports("")
    assert len(room.early(*objects)) == 1


def test_shared_objects_import_from_nobody_but_each_other(room):
    assert room.check("--shared", room.compile(CLEAN)) == [
        "early.o: helper: is imported, but not from the shared objects"]


def test_a_listed_name_that_nobody_imports_is_seen(room):
    room.imports("helper\nghost\n")
    assert room.early(room.compile(CLEAN)) == [
        "list: ghost: is on the list, but nobody imports it: remove it"]


def test_a_name_listed_twice_is_seen(room):
    room.imports("helper\nhelper\n")
    assert room.early(room.compile(CLEAN)) == ["list: helper: stands on the list more than once"]


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF\x02\x01" + 20 * b"\0",
                                     b"\x7fELF\x02\x01" + 12 * b"\0" + b"\xb7" + 99 * b"\xff"])
def test_a_file_that_is_no_object_is_an_error_of_its_own(room, content):
    (room.path / "bad.o").write_bytes(content)
    result = subprocess.run([CHECK, "--shared", "bad.o"], cwd=room.path, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("check-sealed: bad.o: ")
    assert "Traceback" not in result.stderr
