// SPDX-License-Identifier: MIT
/*
 * Why a boot cannot go on, in words.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, pointers in static data.
 */
#include <pagoda/lib/fdt.h>
#include <pagoda/lib/format.h>
#include <pagoda/mm/pt/pagetable.h>
#include <pagoda/kernel/handoff/stop.h>

/* Which bits of @set are set, as "4K 16K" for page size shifts or "39 48 52" for address sizes. */
static void list_set(char *buffer, size_t size, u64 set, bool page_sizes)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (unsigned bit = 0; bit < 64 && length < size; bit++) {
		const char *space = length != 0 ? " " : "";

		if (!(set & BIT(bit)))
			continue;
		if (page_sizes)
			length += format(buffer + length, size - length, "%s%s", space,
					 size_text(BIT(bit)).text);
		else
			length += format(buffer + length, size - length, "%s%u", space, bit);
	}
	if (length == 0)
		format(buffer, size, "none");
}

static void describe_page_size(const struct stop *stop, char *buffer, size_t size)
{
	char sizes[32];

	list_set(sizes, sizeof(sizes), stop->x2, true);
	if (stop->x1 == 0)
		format(buffer, size, "this CPU has no page size that Pagoda knows");
	else
		format(buffer, size, "arm64.pagesize=%luk asked for, but the CPU has: %s",
		       BIT(stop->x1) / KIB(1), sizes);
}

static void describe_va_bits(const struct stop *stop, char *buffer, size_t size)
{
	char possible[32];

	list_set(possible, sizeof(possible), stop->x3, false);
	format(buffer, size,
	       "pagoda.va_bits=%lu asked for, but with %s pages this CPU, as overridden, has: %s",
	       stop->x1, size_text(BIT(stop->x2)).text, possible);
}

static void describe_memory(const struct stop *stop, char *buffer, size_t size)
{
	if (stop->code == STOP_RESERVATIONS)
		format(buffer, size,
		       "the FDT reserves more memory ranges than there is room for: %lu are left "
		       "over after %lu; join them",
		       stop->x1, stop->x2);
	else
		format(buffer, size,
		       "too little RAM: page tables need %luK in one piece; the largest that is "
		       "free "
		       "and in reach has %luK, of %luK RAM in all",
		       stop->x1 / KIB(1), stop->x2 / KIB(1), stop->x3 / KIB(1));
}

static void describe_image(const struct stop *stop, char *buffer, size_t size)
{
	if (stop->code == STOP_IMAGE_MISALIGNED)
		format(buffer, size,
		       "the Image is at %#lx, which is %#lx past a multiple of 2 MiB; "
		       "it must be a multiple of %#lx",
		       stop->x1, stop->x1 & (MIB(2) - 1), stop->x2);
	else
		format(buffer, size,
		       "the Image ends at %#lx, beyond the %lu bits of address that "
		       "the identity map can have",
		       stop->x1, stop->x2);
}

static void describe_fdt(const struct stop *stop, char *buffer, size_t size)
{
	if (stop->code == STOP_FDT)
		format(buffer, size, "FDT at %#lx (totalsize %#lx): %s", stop->x2, stop->x3,
		       fdt_status_str((enum fdt_status)stop->x1));
	else if (stop->code == STOP_FDT_UNREACHABLE)
		format(buffer, size,
		       "the FDT ends at %#lx, beyond the %lu bits of address that the kernel can "
		       "have",
		       stop->x1, stop->x2);
	else if (stop->code == STOP_FDT_OVERLAPS_IMAGE)
		format(buffer, size, "FDT at %#lx (totalsize %#lx) overlaps the Image", stop->x1,
		       stop->x2);
	else if (stop->x1 != 0)
		format(buffer, size,
		       "the FDT has no usable /memory node, and UEFI's memory map at %#lx no RAM",
		       stop->x1);
	else
		format(buffer, size, "the FDT has no usable /memory node");
}

static void describe_tables(const struct stop *stop, char *buffer, size_t size)
{
	if (stop->code == STOP_POOL)
		format(buffer, size,
		       "page-table pool too small: %lu of %lu pages of %s used, and more needed",
		       stop->x1, stop->x2, size_text(stop->x3).text);
	else if (stop->code == STOP_MAP)
		format(buffer, size, "mapping %#lx to %#lx: %s", stop->x2, stop->x3,
		       map_result_str((enum map_result)stop->x1));
	else
		format(buffer, size, "unknown relocation type %#lx for the word at %#lx", stop->x1,
		       stop->x2);
}

static void describe_machine(const struct stop *stop, char *buffer, size_t size)
{
	if (stop->code == STOP_NO_CONSOLE)
		format(buffer, size, "no console: the last one tried is at %#lx", stop->x1);
	else if (stop->code == STOP_PAC_KEY)
		format(buffer, size,
		       "the key for pointer authentication cannot be set: a higher exception level "
		       "forbids it (SCR_EL3.APK); try arm64.nopauth");
	else
		format(buffer, size, "exception before the MMU was on: ESR %#lx ELR %#lx FAR %#lx",
		       stop->x1, stop->x2, stop->x3);
}

void stop_describe(const struct stop *stop, char *buffer, size_t size)
{
	switch (stop->code) {
	case STOP_NONE:
		format(buffer, size, "no reason");
		break;
	case STOP_ENTRY_EL:
		format(buffer, size, "entered at EL%lu; enter at EL2 or EL1", stop->x1);
		break;
	case STOP_IMAGE_MISALIGNED:
	case STOP_IMAGE_UNREACHABLE:
		describe_image(stop, buffer, size);
		break;
	case STOP_FDT:
	case STOP_FDT_OVERLAPS_IMAGE:
	case STOP_FDT_UNREACHABLE:
	case STOP_NO_MEMORY_NODE:
		describe_fdt(stop, buffer, size);
		break;
	case STOP_PAGE_SIZE:
		describe_page_size(stop, buffer, size);
		break;
	case STOP_VA_BITS:
		describe_va_bits(stop, buffer, size);
		break;
	case STOP_POOL:
	case STOP_MAP:
	case STOP_RELOCATION:
		describe_tables(stop, buffer, size);
		break;
	case STOP_RESERVATIONS:
	case STOP_MEMORY:
		describe_memory(stop, buffer, size);
		break;
	case STOP_NO_CONSOLE:
	case STOP_PAC_KEY:
	case STOP_EXCEPTION:
		describe_machine(stop, buffer, size);
		break;
	}
}
