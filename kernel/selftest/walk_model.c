// SPDX-License-Identifier: MIT
/*
 * The model of a walk.
 * Runs in the kernel, MMU on, and on the host. May not use: what mm/pt knows of tables.
 */
#include <pagoda/kernel/selftest/walk_model.h>

#define VALID 1
#define TABLE 2 /* and a page at level 3 */
#define AF ((u64)1 << 10)

static unsigned field(u64 value, unsigned low, unsigned width)
{
	return (unsigned)(value >> low & ((1u << width) - 1));
}

static unsigned shift_at(const struct walk_model *model, int level)
{
	return model->granule_shift + (unsigned)(3 - level) * (model->granule_shift - 3);
}

static bool takes_block(const struct walk_model *model, int level)
{
	switch (model->granule_shift) {
	case 12:
		return level == 1 || level == 2 || (level == 0 && model->ds);
	case 14:
		return level == 2 || (level == 1 && model->ds);
	}
	return level == 2 || (level == 1 && model->large_blocks);
}

/* The address in @pte from bit @low on; 64K pages have bits 51:48 with an output size of 52. */
static u64 address(const struct walk_model *model, u64 pte, unsigned low)
{
	u64 pa = pte & (((u64)1 << 48) - 1);

	if (model->granule_shift == 16) {
		pa = model->output_bits == 52 ? pa | (u64)field(pte, 12, 4) << 48 : pa;
	} else if (model->ds) {
		pa = (pte & (((u64)1 << 50) - 1)) | (u64)field(pte, 8, 2) << 50;
	}
	return pa >> low << low;
}

static void table_limits(struct rights *rights, u64 pte)
{
	rights->uxn_table |= field(pte, 60, 1);
	rights->pxn_table |= field(pte, 59, 1);
	rights->ap_table |= (u8)field(pte, 61, 2);
}

static bool is_ours(const struct walk_model *model, u64 table)
{
	return table >= model->tables && table < model->tables_end;
}

/* One descriptor; true where the walk goes on in another table. */
static bool step(const struct walk_model *model, u64 pte, struct walk_end *end)
{
	unsigned low = model->granule_shift;
	bool table = end->level < 3 && (pte & TABLE);

	end->kind = WALK_TRANSLATION;
	if (!(pte & VALID) || (end->level == 3 && !(pte & TABLE)) ||
	    (end->level < 3 && !table && !takes_block(model, end->level)))
		return false;
	if (!table)
		low = shift_at(model, end->level);
	end->pa = address(model, pte, low);
	end->kind = WALK_ADDRESS_SIZE;
	if (end->pa >> model->output_bits != 0)
		return false;
	if (table) {
		table_limits(&end->rights, pte);
		end->kind = WALK_LOST;
		return is_ours(model, end->pa);
	}
	end->kind = !(pte & AF) && !model->sets_flag ? WALK_ACCESS_FLAG : WALK_FINE;
	end->rights.ap = (u8)field(pte, 6, 2);
	end->rights.pxn = field(pte, 53, 1);
	end->rights.uxn = field(pte, 54, 1);
	return false;
}

struct walk_end walk_model(const struct walk_model *model, u64 va)
{
	unsigned stride = model->granule_shift - 3, above = model->bits - model->granule_shift;
	struct walk_end end = { .kind = WALK_TRANSLATION,
				.level = 4 - (int)((above + stride - 1) / stride),
				.rights = { .hpd = model->hpd } };
	u64 table = model->root, mask = ((u64)1 << model->bits) - 1, pte;

	if (va >> model->bits != 0) {
		end.level = 0;
		return end;
	}
	for (;; end.level++) {
		unsigned shift = shift_at(model, end.level);
		u64 index = (va & mask) >> shift & (((u64)1 << stride) - 1);

		pte = __atomic_load_n((u64 *)(uintptr_t)(table + model->memory + index * 8),
				      __ATOMIC_RELAXED);
		if (!step(model, pte, &end)) {
			end.pa |= va & (((u64)1 << shift) - 1);
			return end;
		}
		table = end.pa;
	}
}
