# SPDX-License-Identifier: MIT
"""The driver in the documentation works, over a fake device, with what it says and nothing else."""
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

MMIO = """
#pragma once
#include <pagoda/types.h>
u32 mmio_read32(const volatile u32 *address);
void mmio_write32(volatile u32 *address, u32 value);
u16 mmio_read16(const volatile u16 *address);
void mmio_write16(volatile u16 *address, u16 value);
u8 mmio_read8(const volatile u8 *address);
void mmio_write8(volatile u8 *address, u8 value);
"""

# Registers from AMD's PG142, table 2-4.
DEVICE = r"""
#include <assert.h>
#include <string.h>
#include <pagoda/lib/mmio.h>
#include <pagoda/lib/serial.h>

static u32 registers[4];
static const char *typed = "ok";
static char sent[16];
static unsigned sent_count, busy, control;
static bool dead;

u32 mmio_read32(const volatile u32 *address)
{
	if (address == &registers[2]) {
		u32 received = *typed ? 1 : 0;

		if (dead || (busy > 0 && busy-- > 0))
			return received | 8;
		return received | 4;
	}
	assert(address == &registers[0] && *typed);
	return (u32)(u8)*typed++;
}

void mmio_write32(volatile u32 *address, u32 value)
{
	if (address == &registers[3]) {
		control = value;
		return;
	}
	assert(address == &registers[1] && busy == 0);
	sent[sent_count++] = (char)value;
	busy = 3;
}

u16 mmio_read16(const volatile u16 *address) { assert(!address); return 0; }
void mmio_write16(volatile u16 *address, u16 value) { assert(!address && !value); }
u8 mmio_read8(const volatile u8 *address) { assert(!address); return 0; }
void mmio_write8(volatile u8 *address, u8 value) { assert(!address && !value); }

int main(void)
{
	struct serial_kind kind = { .type = SERIAL_UARTLITE };
	struct serial_kind named = { 0 };
	u32 offset;

	assert(serial_find("xlnx,xps-uartlite-1.00.a", 25, &named, &offset));
	assert(named.type == SERIAL_UARTLITE && offset == 0);
	named.type = 0;
	assert(serial_named("uartlite", 8, &named) && named.type == SERIAL_UARTLITE);
	assert(!serial_is_polled(named));
	assert(strcmp(serial_type_str(SERIAL_UARTLITE), "UART Lite") == 0);
	assert(serial_status(kind).offset == 8 && serial_status(kind).width == 4);
	serial_enable(kind, registers);
	assert(serial_fifo_enable(kind, registers) == 16);
	assert(serial_write(kind, registers, 16, "a\nb", 3));
	assert(sent_count == 4 && memcmp(sent, "a\r\nb", 4) == 0);
	assert(serial_read(kind, registers) == 'o');
	assert(serial_read(kind, registers) == 'k');
	assert(serial_read(kind, registers) == -1);
	serial_receive_interrupt(kind, registers, true);
	assert(control == 0x10);
	serial_receive_interrupt(kind, registers, false);
	assert(control == 0);
	dead = true;
	assert(!serial_write(kind, registers, 16, "lost", 4));
	return 0;
}
"""


def blocks():
    """The C blocks of the section about UARTs: the driver, and its rows."""
    page = (ROOT / "docs/extend.md").read_text(encoding="utf-8")
    section = page.split("\n## A UART\n")[-1].split("\n## ")[0]
    return re.findall(r"```c\n(.*?)```", section, re.DOTALL)


def add_row(text, table, row, before=None):
    """@text with @row as the last of @table, or before the row that begins with @before."""
    rows = re.search(rf"#define {table}\(row\) +\\\n(?:.*\\\n)*.*", text)
    if before is None:
        return f"{text[:rows.end()]} \\\n{row}{text[rows.end():]}"
    place = text.index(f"\trow({before},", rows.start(), rows.end())
    return f"{text[:place]}{row} \\\n{text[place:]}"


def test_the_example_of_a_uart_drives_its_device(tmp_path):
    driver, rows = blocks()
    shutil.copytree(ROOT / "include", tmp_path / "include")
    (tmp_path / "include/pagoda/lib/mmio.h").write_text(MMIO, encoding="ascii")
    header = tmp_path / "include/pagoda/lib/uart.h"
    text = header.read_text(encoding="utf-8")
    others = sorted(set(re.findall(r"row\(SERIAL_\w+, (\w+),", text)))
    assert others
    of_type, of_compatible, of_earlycon = rows.splitlines()
    text = add_row(text, "UARTS", of_type, before="SERIAL_GENI")
    text = add_row(text, "UART_COMPATIBLES", of_compatible)
    text = add_row(text, "UART_EARLYCONS", of_earlycon)
    header.write_text(text, encoding="utf-8")
    (tmp_path / "uartlite.c").write_text(driver, encoding="utf-8")
    (tmp_path / "device.c").write_text(DEVICE, encoding="utf-8")
    subprocess.run(
        ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o", "program",
         "device.c", "uartlite.c",
         *(ROOT / f"lib/{name}.c" for name in ["fdt", "serial", "text", *others])],
        cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "program"], check=True)
