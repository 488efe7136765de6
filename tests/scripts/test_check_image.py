# SPDX-License-Identifier: MIT
"""scripts/check-image on a small but complete ELF and Image, linked with the cross tools, and on
copies of it that are wrong in one place each."""
import pathlib
import struct
import subprocess

import pytest

CHECK = pathlib.Path(__file__).parents[2] / "scripts/check-image"
TOOL = "aarch64-linux-gnu-"

SOURCE = """
	.section .head, "ax"
	.global _text
_text:	ccmp x18, #0, #0xd, pl
	b kernel_main
	.quad 0
	.long _image_size_low, _image_size_high
	.quad 8
	.fill 3, 8, 0
	.ascii "ARM\\x64"
	.long 0x40
	.ascii "PE\\0\\0"
	.short 0xaa64, 2
	.long 0, 0, 0
	.short 160, 0x206, 0x20b, 0
	.long 0, 0, 0, 0x1000, 0x1000
	.quad 0
	.long 0x1000, 0x200, 0, 1, 0, 0, _image_size_low, 0x1000, 0
	.short 10, 0x100
	.fill 4, 8, 0
	.long 0, 6
	.fill 6, 8, 0
	.ascii ".text\\0\\0\\0"
	.long _text_size, 0x1000, _text_size, 0x1000, 0, 0, 0, 0x60000020
	.ascii ".data\\0\\0\\0"
	.long _data_size, _data_offset, 0x200, _data_offset, 0, 0, 0, 0xc0000040
	.text
	.global kernel_main
kernel_main:
	b .
	.data
	.quad kernel_main
	.bss
	.global _end
	.skip 0x4000
"""

SCRIPT = """
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS {
	. = 0xffff800080000000;
	.text : { *(.head) . = ALIGN(0x1000); *(.text) } :text
	.rela : { *(.rela*) } :text
	. = ALIGN(0x10000);
	.data : { _data = .; *(.data) *(.dynamic) *(.got*) . = ALIGN(0x200); } :data
	.bss : { *(.bss) . = ALIGN(0x1000); } :data
	_end = .;
	_image_size_low = ABSOLUTE(_end - _text) & 0xffffffff;
	_image_size_high = ABSOLUTE(_end - _text) >> 32;
	_text_size = ABSOLUTE(_data - _text - 0x1000);
	_data_offset = ABSOLUTE(_data - _text);
	_data_size = ABSOLUTE(_end - _data);
	/DISCARD/ : { *(.dynsym .dynstr .hash .gnu.hash .interp .comment) }
}
"""

LINK = ["-pie", "--no-dynamic-linker", "-z", "norelro", "-z", "max-page-size=65536", "-n"]


def run(path, *command):
    subprocess.run(command, cwd=path, check=True, capture_output=True)


def build(path, source=SOURCE, script=SCRIPT, link=LINK):
    """The paths of an ELF and its Image in `path`."""
    (path / "a.S").write_text(source)
    (path / "a.lds").write_text(script)
    run(path, TOOL + "gcc", "-c", "a.S")
    run(path, TOOL + "ld", *link, "-T", "a.lds", "a.o", "-o", "a.elf")
    run(path, TOOL + "objcopy", "-O", "binary", "a.elf", "a.Image")
    return path / "a.elf", path / "a.Image"


@pytest.fixture
def built(tmp_path):
    return build(tmp_path)


def check(elf, image):
    result = subprocess.run([CHECK, elf, image], capture_output=True, text=True, check=False)
    assert result.returncode == (1 if result.stdout else 0), result.stderr
    assert not result.stderr
    return result.stdout.splitlines()


def patch(path, layout, offset, value):
    data = bytearray(path.read_bytes())
    struct.pack_into(layout, data, offset, value)
    path.write_bytes(data)


def test_a_right_image_passes(built):
    assert check(*built) == []


@pytest.mark.parametrize("layout, offset, value, fault", [
    ("<I", 56, 0x644d5242, "the magic at byte 56 is 42524d64"),
    ("<Q", 8, 0x80000, "text_offset is 0x80000, not 0"),
    ("<Q", 16, 0x1234, "image_size is 0x1234"),
    ("<Q", 24, 9, "bit 0 says big-endian"),
    ("<Q", 24, 0xa, "bits 2:1 name a page size"),
    ("<Q", 24, 0xc, "bits 2:1 name a page size"),
    ("<Q", 24, 0, "may not be placed anywhere"),
    ("<Q", 24, 0x18, "bits 63:4 are reserved"),
    ("<H", 0, 0x5a4e, "begins with 4e5a, not 4d5a (MZ)"),
    ("<I", 0x40, 0x4551, "signature is 0x4551"),
    ("<H", 0x44, 0x8664, "machine is 0x8664"),
    ("<H", 0x56, 0x207, "characteristics is 0x207"),
    ("<H", 0x58, 0x10b, "magic is 0x10b"),
    ("<Q", 0x70, 0x40000000, "image base is 0x40000000"),
    ("<I", 0x84, 0, "image version is 0x0"),
    ("<H", 0x9c, 3, "subsystem is 0x3"),
    ("<H", 0x9e, 0, "DLL characteristics is 0x0"),
    ("<I", 0xe8, 1, "certificates is 0x1"),
    ("<I", 0xf0, 1, "base relocations is 0x1"),
    ("<I", 0x78, 0x800, "section alignment is 0x800"),
    ("<I", 0x78, 0x3000, "section alignment is 0x3000"),
    ("<I", 0x7c, 0x100, "file alignment is 0x100"),
    ("<I", 0x68, 0x800, "the entry 0x800 is in no executable section"),
    ("<I", 0x68, 0x10000, "the entry 0x10000 is in no executable section"),
    ("<I", 0x90, 0x1000, "image size is 0x1000, but sections end at"),
    ("<I", 0x94, 0x2000, "section .text is at 0x1000, 0x1000 in the file; 0x2000 would"),
    ("<I", 0x10c, 0x1200, "section .text is at 0x1000, 0x1200 in the file"),
    ("<I", 0x108, 0xf100, "section .text has 0xf100 bytes in the file"),
    ("<I", 0x108, 0x20000, "section .text has 0x20000 bytes in the file"),
    ("<I", 0x130, 0x400, "the last section ends at 0x10400 of 0x10200 bytes"),
    ("<I", 0x11c, 0x40000040, ".text and its segment differ in permissions"),
    ("<I", 0x144, 0x40000040, ".data and its segment differ in permissions"),
    ("<I", 0x144, 0xe0000040, "section .data is writable and executable"),
    ("<I", 0x144, 0xc0000080, "section .data has 0x200 bytes in the file and flags 0xc0000080"),
])
def test_each_wrong_field_of_the_headers_is_named(built, layout, offset, value, fault):
    patch(built[1], layout, offset, value)
    faults = check(*built)
    assert any(fault in line for line in faults)
    assert len(faults) <= 2  # permissions are compared with the entry's and the segment's, too


@pytest.fixture
def cleared(tmp_path):
    """An Image whose file ends with text: what is behind it is cleared by whoever loads it."""
    source = SOURCE.replace("0x200, _data_offset, 0, 0, 0, 0xc0000040", "0, 0, 0, 0, 0, 0xc0000080")
    script = SCRIPT.replace(
        "\t. = ALIGN(0x10000);\n\t.data : { _data = .; *(.data) *(.dynamic) *(.got*)"
        " . = ALIGN(0x200); } :data",
        "\t.rodata : { *(.data) *(.dynamic) *(.got*) . = ALIGN(0x10000); } :text\n\t_data = .;")
    return build(tmp_path, source, script)


def test_memory_that_is_cleared_need_not_be_in_the_file(cleared):
    assert check(*cleared) == []
    assert cleared[1].stat().st_size == 0x10000


@pytest.mark.parametrize("layout, offset, value, fault", [
    ("<I", 0x134, 0x10000, "section .data is at 0x10000, 0x10000 in the file"),
    ("<I", 0x144, 0xc0000040, "section .data has 0x0 bytes in the file and flags 0xc0000040"),
])
def test_a_section_without_bytes_has_no_place_in_the_file(cleared, layout, offset, value, fault):
    patch(cleared[1], layout, offset, value)
    faults = check(*cleared)
    assert any(fault in line for line in faults)
    assert len(faults) <= 2


def test_an_image_without_a_whole_header_is_too_short(built):
    built[1].write_bytes(b"MZ")
    assert check(*built) == ["Image: 2 bytes, shorter than a boot header"]


def test_a_file_above_640_kib_is_too_large(tmp_path):
    built = build(tmp_path, SOURCE.replace("b .\n", "b .\n\t.fill 640 << 10\n"))
    faults = check(*built)
    assert len(faults) == 1
    assert faults[0].endswith("above 655360")


def test_an_image_that_takes_more_than_3_mib_of_memory_is_too_large(tmp_path):
    faults = check(*build(tmp_path, SOURCE.replace("0x4000", "3 << 20")))
    assert len(faults) == 1
    assert faults[0].endswith("above 3145728")


def test_a_file_longer_than_its_memory_is_wrong(built):
    built[1].write_bytes(built[1].read_bytes() + bytes(0x10000))
    faults = check(*built)
    assert len(faults) == 2
    assert "from _text to _end" in faults[0]
    assert faults[1] == "PE: the last section ends at 0x10200 of 0x20200 bytes"


def relocation_offset(elf):
    """Where in the file the first entry of .rela stands."""
    listing = subprocess.run([TOOL + "readelf", "-SW", elf], capture_output=True, text=True,
                             check=True).stdout
    line = next(line for line in listing.splitlines() if " RELA " in line)
    return int(line.split("RELA")[1].split()[1], 16)


@pytest.mark.parametrize("kind", [257, 1025, 1026, 1032])
def test_any_other_relocation_than_relative_is_refused(built, kind):
    patch(built[0], "<Q", relocation_offset(built[0]) + 8, kind)
    faults = check(*built)
    assert len(faults) == 1
    assert f"relocation type {kind} at 0x" in faults[0]


def test_packed_relocations_are_refused(built):
    data = built[0].read_bytes()
    headers = struct.unpack_from("<Q", data, 40)[0]
    count = struct.unpack_from("<H", data, 60)[0]
    for header in range(headers, headers + 64 * count, 64):
        if struct.unpack_from("<I", data, header + 4)[0] == 4:
            patch(built[0], "<I", header + 4, 19)
    faults = check(*built)
    assert len(faults) == 1
    assert "packed relocations" in faults[0]


def test_relocations_that_are_not_loaded_do_not_count(tmp_path):
    assert check(*build(tmp_path, link=[*LINK, "--emit-relocs"])) == []


def test_a_program_interpreter_is_refused(built):
    segments = struct.unpack_from("<Q", built[0].read_bytes(), 32)[0]
    patch(built[0], "<I", segments + 56, 3)
    assert any("program interpreter" in fault for fault in check(*built))


def test_a_writable_and_executable_segment_is_refused(tmp_path):
    faults = check(*build(tmp_path, script=SCRIPT.replace("FLAGS(6)", "FLAGS(7)")))
    assert len(faults) == 2
    assert "writable and executable" in faults[0]
    assert faults[1] == "PE: section .data and its segment differ in permissions"


@pytest.mark.parametrize("name", ["_text", "kernel_main", "_end"])
def test_a_symbol_that_others_rely_on_must_be_there(built, name):
    run(built[0].parent, TOOL + "objcopy", "--strip-symbol", name, "a.elf")
    assert check(*built) == [f"ELF: symbol {name} is not defined"]


def test_the_image_begins_with_text(tmp_path):
    script = SCRIPT.replace("*(.head)", "QUAD(0) *(.head)")
    faults = check(*build(tmp_path, script=script))
    assert "ELF: _text is not where the first segment begins" in faults


@pytest.mark.parametrize("arguments", [(), ("a.elf",), ("a.elf", "none"), ("a.Image", "a.Image")])
def test_what_cannot_be_checked_is_an_error_of_its_own(built, arguments):
    result = subprocess.run([CHECK, *arguments], cwd=built[0].parent, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 2
    assert result.stderr and "Traceback" not in result.stderr
