// SPDX-License-Identifier: MIT
/*
 * The interrupt controller, as far as its versions agree.
 * Runs in the kernel, MMU on, and on the host. Registers are reached by mmio.h only.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/mmio.h>
#include "versions.h"

#define GICD_TYPER_LINES 0x1f /* groups of 32, less one */
#define GICV2_NUMBER 0x3ff /* above it, for an SGI, the CPU that sent it */
#define PRIORITY 0xa0

/* RAM is nobody's registers, whatever the FDT says. A window has @room in the fixmap. */
static bool map(const struct gic_start *start, struct window *window, enum fixmap_slot slot,
		u64 room)
{
	const struct kernel *kernel = start->kernel;
	u64 pa = window->pa.value;

	if (pa % KIB(4) != 0 || pa % GIC_FRAME + window->size > room ||
	    !memory_may_map_device(kernel->memory, window->pa, window->size))
		return false;
	return window_open(kernel, layout_fixmap(&kernel->handoff->plan.layout, slot), window) ==
	       MAP_OK;
}

static struct window device_window(u64 pa, u64 size)
{
	return (struct window){ .pa = paddr(pa),
				.size = size,
				.attr = { PROT_READ_WRITE, MEM_DEVICE_NGNRE } };
}

bool gic_map_distributor(const struct gic_start *start, u64 size)
{
	const struct device_gic *device = start->device;
	struct gic *gic = start->gic;

	if (device->regions < 1 || device->region[0].size < size)
		return false;
	gic->window = device_window(device->region[0].start, size);
	if (!map(start, &gic->window, FIXMAP_GIC_DISTRIBUTOR, GIC_FRAME))
		return false;
	gic->distributor = vaddr_pointer(gic->window.va);
	gic->groups = mmio_read32(gic->distributor + GICD_TYPER) & GICD_TYPER_LINES;
	return true;
}

bool gic_map_cpu(const struct gic_start *start, u64 pa, u64 size)
{
	struct gic_cpu *cpu = start->cpu;

	window_close(start->kernel, &cpu->window);
	cpu->window = device_window(pa, size);
	if (!map(start, &cpu->window, FIXMAP_GIC_CPU, 2 * GIC_FRAME))
		return false;
	cpu->frame = vaddr_pointer(cpu->window.va);
	return true;
}

void gic_unmap(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel)
{
	window_close(kernel, &gic->window);
	window_close(kernel, &cpu->window);
}

static bool settled(const struct gic *gic, const struct gic_cpu *cpu)
{
	return gic->version == 2 || gicv3_settled(gic, cpu);
}

/* A bit for each interrupt, in a row of registers of which the first is at @index. */
static void write_all(const struct gic *gic, const struct gic_cpu *cpu, u32 groups, u32 index)
{
	mmio_write32(cpu->own + index, ~0u);
	for (u32 i = 1; i <= groups; i++)
		mmio_write32(gic->distributor + index + i, ~0u);
}

bool gic_clear(const struct gic *gic, const struct gic_cpu *cpu, u32 groups)
{
	write_all(gic, cpu, groups, GIC_ICENABLER);
	if (!settled(gic, cpu))
		return false;
	write_all(gic, cpu, groups, GIC_ICPENDR);
	write_all(gic, cpu, groups, GIC_ICACTIVER);
	return true;
}

enum gic_result gic_start(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel,
			  const struct device_gic *description)
{
	struct gic_start start = { gic, cpu, kernel, description };

	gic->version = description->version;
	return gic->version == 2 ? gicv2_start(&start) : gicv3_start(&start);
}

enum gic_result gic_find_cpu(struct gic *gic, struct gic_cpu *cpu, const struct kernel *kernel,
			     const struct device_gic *description, u64 mpidr)
{
	if (gic->version == 2) {
		cpu->frame = gic->interface;
		cpu->own = gic->distributor;
		return GIC_OK;
	}
	cpu->affinity = gicv3_affinity(mpidr);
	if (!gicv3_map_rows(gic, kernel, description))
		return GIC_NOT_MAPPED;
	return gicv3_find(gic, cpu) ? GIC_OK : GIC_NOT_THIS_CPU;
}

enum gic_result gic_start_cpu(const struct gic *gic, struct gic_cpu *cpu)
{
	return gic->version == 2 ? gicv2_start_cpu(gic, cpu) : gicv3_start_cpu(gic, cpu);
}

void gic_stop_cpu(const struct gic *gic, const struct gic_cpu *cpu)
{
	if (gic->version == 2)
		gicv2_stop_cpu(cpu);
	else
		gicv3_stop_cpu(cpu);
}

bool gic_send(const struct gic *gic, const struct gic_cpu *to, u32 number)
{
	return gic->version == 2 ? gicv2_send(gic, to, number) : gicv3_send(gic, to, number);
}

void gic_route(const struct gic *gic, const struct gic_cpu *cpu, u32 number)
{
	if (gic->version == 2)
		gicv2_route(gic, number);
	else
		gicv3_route(gic, cpu, number);
}

bool gic_has(const struct gic *gic, u32 number)
{
	return number < GIC_SPURIOUS_FIRST && number / 32 <= gic->groups;
}

static volatile u32 *registers_of(const struct gic *gic, const struct gic_cpu *cpu, u32 number)
{
	return number < GIC_SPI_FIRST ? cpu->own : gic->distributor;
}

/* The group that was let through: version 2's enable bit is that of the lower one we may see. */
static void set_group(const struct gic *gic, volatile u32 *registers, u32 number)
{
	volatile u32 *group = registers + GIC_IGROUPR + number / 32;
	u32 bit = (u32)BIT(number % 32), others = mmio_read32(group) & ~bit;

	mmio_write32(group, gic->version == 2 ? others : others | bit);
}

static void set_trigger(const struct gic *gic, u32 number, u32 flags)
{
	volatile u32 *config = gic->distributor + GICD_ICFGR + number / 16;
	u32 edge = (u32)2 << 2 * (number % 16);

	mmio_write32(config, (mmio_read32(config) & ~edge) | (flags & GIC_FLAGS_EDGE ? edge : 0));
}

void gic_enable(const struct gic *gic, const struct gic_cpu *cpu, u32 number, u32 flags)
{
	volatile u32 *registers = registers_of(gic, cpu, number);

	set_group(gic, registers, number);
	mmio_write8((volatile u8 *)(registers + GIC_IPRIORITYR) + number, PRIORITY);
	if (number >= GIC_SPI_FIRST) {
		set_trigger(gic, number, flags);
		gic_route(gic, cpu, number);
	}
	mmio_write32(registers + GIC_ISENABLER + number / 32, (u32)BIT(number % 32));
}

/* One that was on its way may still come: it does not matter to whoever takes it. */
void gic_disable(const struct gic *gic, const struct gic_cpu *cpu, u32 number)
{
	volatile u32 *registers = registers_of(gic, cpu, number);

	mmio_write32(registers + GIC_ICENABLER + number / 32, (u32)BIT(number % 32));
	(void)settled(gic, cpu);
}

u32 gic_acknowledge(const struct gic *gic, const struct gic_cpu *cpu)
{
	return gic->version == 2 ? gicv2_acknowledge(cpu) : gic_cpu_acknowledge();
}

u32 gic_number(const struct gic *gic, u32 acknowledged)
{
	return gic->version == 2 ? acknowledged & GICV2_NUMBER : acknowledged;
}

void gic_end(const struct gic *gic, const struct gic_cpu *cpu, u32 acknowledged)
{
	if (gic->version == 2)
		gicv2_end(cpu, acknowledged);
	else
		gic_cpu_end(acknowledged);
}
