// SPDX-License-Identifier: MIT
#include <string.h>

#include <pagoda/arch/arch.h>

#include "fake_gic.h"

#define FRAME 0x10000
#define BUSY_LOOKS 3
#define RWP_DISTRIBUTOR 0x80000000
#define RWP_REDISTRIBUTOR 8
#define ARE 0x10
#define SLEEP 2
#define ASLEEP 4
#define EOI_MODE 0x200

static struct fake_gic *gic;
jmp_buf fake_gic_nobody;

void fake_gic_make(struct fake_gic *made, unsigned version)
{
	memset(made, 0, sizeof(*made));
	made->version = made->revision = made->interface_revision = version;
	made->cpu_bit = 4;
	made->cpus = 1;
	made->usable = true;
	for (unsigned i = 0; i < FAKE_GIC_CPUS; i++) {
		made->cpu[i].frames = 2;
		made->cpu[i].affinity = i;
		made->cpu[i].waker = SLEEP | ASLEEP;
		made->bank[i].cpu_bit = (u8)(4 << i);
	}
	gic = made;
}

static void part_leave(struct fake_gic_part *part)
{
	memset(part->group, 0xff, sizeof(part->group));
	memset(part->enabled, 0xff, sizeof(part->enabled));
	memset(part->pending, 0xff, sizeof(part->pending));
	memset(part->active, 0xf0, sizeof(part->active));
	memset(part->priority, 0x60, sizeof(part->priority));
}

void fake_gic_leave(struct fake_gic *left)
{
	part_leave(&left->shared);
	memset(left->config, 0xff, sizeof(left->config));
	memset(left->target, 0x01, sizeof(left->target));
	memset(left->router, 0xff, sizeof(left->router));
	left->control = left->version == 2 ? 3 : ARE | 3;
	left->cpu_control = 0x3ff;
	memset(left->apr, 0xff, sizeof(left->apr));
	for (unsigned i = 0; i < FAKE_GIC_CPUS; i++) {
		part_leave(&left->cpu[i].part);
		left->cpu[i].waker = 0;
		left->bank[i].group = left->bank[i].enabled = left->bank[i].pending = ~0u;
		left->bank[i].active = 0xf0f0f0f0;
		left->bank[i].cpu_control = 0x3ff;
		memset(left->bank[i].apr, 0xff, sizeof(left->apr));
	}
}

static void bank_save(struct fake_gic_bank *bank)
{
	bank->cpu_control = gic->cpu_control;
	memcpy(bank->apr, gic->apr, sizeof(bank->apr));
	bank->mask = gic->mask;
	bank->cpu_bit = gic->cpu_bit;
	bank->cpu_enabled = gic->cpu_enabled;
	if (gic->version == 3)
		return;
	bank->group = gic->shared.group[0];
	bank->enabled = gic->shared.enabled[0];
	bank->pending = gic->shared.pending[0];
	bank->active = gic->shared.active[0];
	memcpy(bank->priority, gic->shared.priority, sizeof(bank->priority));
}

static void bank_load(const struct fake_gic_bank *bank)
{
	gic->cpu_control = bank->cpu_control;
	memcpy(gic->apr, bank->apr, sizeof(bank->apr));
	gic->mask = bank->mask;
	gic->cpu_bit = bank->cpu_bit;
	gic->cpu_enabled = bank->cpu_enabled;
	if (gic->version == 3)
		return;
	gic->shared.group[0] = bank->group;
	gic->shared.enabled[0] = bank->enabled;
	gic->shared.pending[0] = bank->pending;
	gic->shared.active[0] = bank->active;
	memcpy(gic->shared.priority, bank->priority, sizeof(bank->priority));
}

void fake_gic_become(unsigned self)
{
	bank_save(&gic->bank[gic->self]);
	gic->self = self;
	bank_load(&gic->bank[self]);
}

/* The bits of the first 32 interrupts that wait for @cpu. */
static u32 *own_pending(unsigned cpu)
{
	if (gic->version == 3)
		return &gic->cpu[cpu].part.pending[0];
	return cpu == gic->self ? &gic->shared.pending[0] : &gic->bank[cpu].pending;
}

bool fake_gic_pending(unsigned cpu, u32 number)
{
	return *own_pending(cpu) >> number & 1;
}

static void wrong(const char *what)
{
	if (gic->wrong == NULL)
		gic->wrong = what;
}

static struct fake_gic_part *part_of(u32 number)
{
	return gic->version == 3 && number < 32 ? &gic->cpu[gic->self].part : &gic->shared;
}

/* ---- what is delivered ---- */

static bool bit(const u32 *bits, u32 number)
{
	return bits[number / 32] >> number % 32 & 1;
}

static bool is_routed(u32 number)
{
	if (number < 32)
		return true;
	if (gic->version == 2)
		return gic->cpu_bit == 0 || gic->target[number] & gic->cpu_bit;
	return gic->router[number] == ((u64)(gic->cpu[gic->self].affinity >> 24) << 32 |
				       (gic->cpu[gic->self].affinity & 0xffffff));
}

static bool is_let_through(const struct fake_gic_part *part, u32 number)
{
	bool group1 = bit(part->group, number);

	if (part->priority[number] >= gic->mask || !is_routed(number))
		return false;
	if (gic->version == 3)
		return group1 && gic->control & 2 && gic->cpu_enabled;
	if (gic->apr[0] | gic->apr[1] | gic->apr[2] | gic->apr[3])
		return false;
	if (!gic->groups)
		return gic->control & 1 && gic->cpu_control & 1;
	return group1 ? gic->control & 2 && gic->cpu_control & 2 :
			gic->control & 1 && (gic->cpu_control & 9) == 1;
}

static bool edge(u32 number)
{
	return number < 16 || gic->config[number / 16] >> 2 * (number % 16) & 2;
}

static u32 next(void)
{
	for (u32 number = 0; number < FAKE_GIC_LINES; number++) {
		const struct fake_gic_part *part = part_of(number);

		if ((bit(part->pending, number) || gic->line[number]) &&
		    bit(part->enabled, number) && !bit(part->active, number) &&
		    is_let_through(part, number))
			return number;
	}
	return FAKE_GIC_NOTHING;
}

void fake_gic_raise(u32 number)
{
	part_of(number)->pending[number / 32] |= (u32)BIT(number % 32);
}

bool fake_gic_wants(void)
{
	return next() != FAKE_GIC_NOTHING;
}

bool fake_gic_enabled(u32 number)
{
	return bit(part_of(number)->enabled, number);
}

bool fake_gic_active(u32 number)
{
	return bit(part_of(number)->active, number);
}

static u32 acknowledge(void)
{
	u32 number = next();
	struct fake_gic_part *part = part_of(number);

	if (number == FAKE_GIC_NOTHING)
		return number;
	part->pending[number / 32] &= ~(u32)BIT(number % 32);
	part->active[number / 32] |= (u32)BIT(number % 32);
	if (edge(number))
		gic->line[number] = false;
	return number;
}

static void end(u32 number)
{
	gic->ends++;
	if (number >= FAKE_GIC_LINES || !fake_gic_active(number)) {
		wrong("the end of an interrupt that is not active");
		return;
	}
	if (gic->version == 3 || !(gic->cpu_control & EOI_MODE))
		part_of(number)->active[number / 32] &= ~(u32)BIT(number % 32);
}

/* ---- registers ---- */

static u32 *bits_at(u64 offset, u64 first, u32 *bits)
{
	return offset >= first && offset < first + 0x80 ? &bits[(offset - first) / 4] : NULL;
}

static u32 part_read(struct fake_gic_part *part, u64 offset)
{
	u32 *found = bits_at(offset, 0x80, part->group);

	if (found != NULL)
		return gic->version == 2 && !gic->groups ? 0 : *found;
	wrong("a read of a register that there is no reason to read");
	return 0;
}

static void part_write(struct fake_gic_part *part, u64 offset, u32 value, unsigned size)
{
	u32 *group = bits_at(offset, 0x80, part->group);
	u32 *set = bits_at(offset, 0x100, part->enabled);
	u32 *clear = bits_at(offset, 0x180, part->enabled);
	u32 *unpend = bits_at(offset, 0x280, part->pending);
	u32 *deactivate = bits_at(offset, 0x380, part->active);

	if (part->busy > 0 && !(clear != NULL && part->disabling))
		wrong("a write before the one before has taken effect");
	if (group != NULL && (gic->version == 3 || gic->groups)) {
		*group = value;
	} else if (set != NULL) {
		*set |= value;
	} else if (clear != NULL) {
		*clear &= ~value;
		part->busy = gic->version == 3 ? BUSY_LOOKS : 0;
		part->disabling = true;
	} else if (unpend != NULL) {
		*unpend &= ~value;
	} else if (deactivate != NULL) {
		*deactivate &= ~value;
	} else if (offset >= 0x400 && offset < 0x800 && size == 1) {
		part->priority[offset - 0x400] = (u8)value;
	} else if (group == NULL) {
		wrong("a write of a register that there is no reason to write");
	}
}

static bool rwp(struct fake_gic_part *part)
{
	if (part->busy > 0 && !gic->stuck)
		part->busy--;
	return part->busy > 0;
}

static u32 distributor_read(u64 offset)
{
	if (offset == 0)
		return gic->control | (rwp(&gic->shared) ? RWP_DISTRIBUTOR : 0);
	if (offset == 4)
		return 0x780000 | (FAKE_GIC_LINES / 32 - 1) | (gic->ranges ? 1u << 26 : 0);
	if (offset == (gic->version == 2 ? 0xfe8 : 0xffe8)) {
		if (gic->nameless)
			wrong("an ID register that is not there is read");
		return gic->revision << 4 | 0xb;
	}
	if (offset >= 0xc00 && offset < 0xd00)
		return gic->config[(offset - 0xc00) / 4];
	if (offset == 0x800 && gic->version == 2)
		return gic->cpu_bit * 0x01010101u;
	return part_read(&gic->shared, offset);
}

static void control_write(u32 value)
{
	if (gic->shared.busy > 0)
		wrong("GICD_CTLR is written before the write before has taken effect");
	if (gic->version == 3 && gic->control & ARE && !(value & ARE))
		wrong("affinity routing is turned off");
	if (gic->version == 3 && !(gic->control & ARE) && value & ARE && (gic->control & 3))
		wrong("affinity routing is turned on while groups are on");
	gic->control = value;
	gic->shared.busy = gic->version == 3 ? BUSY_LOOKS : 0;
	gic->shared.disabling = false;
}

/* To the CPUs in the list, and from the group of those that are not secure. */
static void sgi_write(u32 value)
{
	if (value & 0xff00fff0 || value >> 16 == 0)
		wrong("an SGI to nobody, or one that is not to those in the list");
	for (unsigned i = 0; i < FAKE_GIC_CPUS; i++)
		if (value >> 16 & (i == gic->self ? gic->cpu_bit : gic->bank[i].cpu_bit))
			*own_pending(i) |= (u32)BIT(value & 0xf);
}

static void distributor_write(u64 offset, u32 value, unsigned size)
{
	if (offset == 0xf00 && gic->version == 2)
		sgi_write(value);
	else if (offset == 0)
		control_write(value);
	else if (offset >= 0xc00 && offset < 0xd00)
		gic->config[(offset - 0xc00) / 4] = value;
	else if (offset >= 0x820 && offset < 0xc00 && gic->version == 2 && size == 1)
		gic->target[offset - 0x800] = (u8)value;
	else if (offset >= 0x6100 && offset < 0x8000 && offset % 8 == 0)
		memcpy(&gic->router[(offset - 0x6000) / 8], &value, 4);
	else if (offset >= 0x6100 && offset < 0x8000)
		memcpy((u8 *)&gic->router[(offset - 0x6000) / 8] + 4, &value, 4);
	else
		part_write(&gic->shared, offset, value, size);
}

static u32 interface_read(u64 offset)
{
	if (offset == 0xc) {
		u32 number = acknowledge();

		/* An SGI says from whom, too. */
		return number < 16 ? number | 5 << 10 : number;
	}
	if (offset == 0xfc)
		return 0x0200043b | gic->interface_revision << 16;
	wrong("a read of the CPU interface");
	return 0;
}

static void interface_write(u64 offset, u32 value)
{
	if (offset == 0)
		gic->cpu_control = value;
	else if (offset == 4)
		gic->mask = value;
	else if (offset == 0x10 && (value & 0x3ff) < 16 && value >> 10 != 5)
		wrong("the end of an SGI of another CPU");
	else if (offset == 0x10)
		end(value & 0x3ff);
	else if (offset >= 0xd0 && offset < 0xe0)
		gic->apr[(offset - 0xd0) / 4] = value;
	else
		wrong("a write of the CPU interface");
}

static u32 redistributor_read(struct fake_gic_cpu *cpu, u64 offset)
{
	bool is_last = cpu == &gic->cpu[gic->cpus - 1] && !gic->no_last;

	gic->reads++;
	if (offset == 0)
		return rwp(&cpu->part) ? RWP_REDISTRIBUTOR : 0;
	if (offset == 8)
		return (is_last ? 0x10 : 0) | (cpu->frames == 4 && !gic->says_two_frames ? 2 : 0) |
		       1;
	if (offset == 0xc)
		return cpu->affinity;
	if (offset == 0x14) {
		u32 before = cpu->waker;

		if (!(cpu->waker & SLEEP) && !gic->sleeper)
			cpu->waker &= ~(u32)ASLEEP;
		else if (cpu->waker & SLEEP)
			cpu->waker |= ASLEEP;
		return gic->secure_waker ? 0 : before;
	}
	if (offset < FRAME)
		wrong("a read of a redistributor");
	return part_read(&cpu->part, offset - FRAME);
}

static void redistributor_write(struct fake_gic_cpu *cpu, u64 offset, u32 value, unsigned size)
{
	if (cpu != &gic->cpu[gic->self])
		wrong("a write to another CPU's redistributor");
	if (offset == 0x14) {
		if (!gic->secure_waker)
			cpu->waker = (cpu->waker & ASLEEP) | (value & SLEEP);
		return;
	}
	if (cpu->waker != 0)
		wrong("a write to a redistributor that is asleep");
	if (!(gic->control & ARE) || gic->shared.busy > 0)
		if (!gic->shared.disabling)
			wrong("a write to a redistributor before affinity routing is on");
	if (offset < FRAME)
		wrong("a write of a redistributor");
	part_write(&cpu->part, offset - FRAME, value, size);
}

/* The redistributor that @pa is in, and how far from its start. Without a last one, for ever. */
static struct fake_gic_cpu *row_find(u64 pa, u64 *offset)
{
	u64 at = FAKE_GIC_ROW;

	for (unsigned i = 0; i < gic->cpus && pa >= at; i++) {
		*offset = pa - at;
		if (*offset < (u64)gic->cpu[i].frames * FRAME)
			return &gic->cpu[i];
		at += (u64)gic->cpu[i].frames * FRAME;
	}
	if (!gic->no_last || pa < at)
		return NULL;
	*offset = (pa - at) % (2 * FRAME);
	return &gic->cpu[0];
}

u32 fake_gic_read(u64 pa)
{
	struct fake_gic_cpu *cpu;
	u64 offset;

	if (pa - FAKE_GIC_DISTRIBUTOR < FRAME)
		return distributor_read(pa - FAKE_GIC_DISTRIBUTOR);
	if (gic->version == 2 && pa - FAKE_GIC_CPU < 0x1000)
		return interface_read(pa - FAKE_GIC_CPU);
	cpu = gic->version == 3 ? row_find(pa, &offset) : NULL;
	if (cpu == NULL)
		longjmp(fake_gic_nobody, 1);
	return redistributor_read(cpu, offset);
}

void fake_gic_write(u64 pa, u32 value, unsigned size)
{
	struct fake_gic_cpu *cpu;
	u64 offset;

	if (pa - FAKE_GIC_DISTRIBUTOR < FRAME) {
		distributor_write(pa - FAKE_GIC_DISTRIBUTOR, value, size);
		return;
	}
	if (gic->version == 2 && pa - FAKE_GIC_CPU < 0x1000) {
		interface_write(pa - FAKE_GIC_CPU, value);
		return;
	}
	cpu = gic->version == 3 ? row_find(pa, &offset) : NULL;
	if (cpu == NULL)
		longjmp(fake_gic_nobody, 1);
	redistributor_write(cpu, offset, value, size);
}

/* ---- arch.h ---- */

bool gic_cpu_enable(u32 priority_mask)
{
	if (gic->usable) {
		gic->mask = priority_mask;
		gic->cpu_enabled = true;
	}
	return gic->usable;
}

void gic_cpu_disable(void)
{
	gic->cpu_enabled = false;
}

bool gic_cpu_has_ranges(void)
{
	return gic->cpu_ranges;
}

void gic_cpu_send(u64 what)
{
	u32 others = (u32)(what >> 48 & 0xff) << 24 | (u32)(what >> 32 & 0xff) << 16 |
		     (u32)(what >> 16 & 0xff) << 8;
	unsigned sent = 0;

	for (unsigned i = 0; i < gic->cpus; i++) {
		u32 low = gic->cpu[i].affinity & 0xff;

		if ((gic->cpu[i].affinity & ~0xffu) != others || low / 16 != (what >> 44 & 0xf) ||
		    !(what >> low % 16 & 1))
			continue;
		*own_pending(i) |= (u32)BIT(what >> 24 & 0xf);
		sent++;
	}
	if (sent == 0 || what >> 40 & 1)
		wrong("an SGI to nobody, or to everybody");
}

u32 gic_cpu_acknowledge(void)
{
	return acknowledge();
}

void gic_cpu_end(u32 number)
{
	end(number);
}
