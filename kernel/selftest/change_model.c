// SPDX-License-Identifier: MIT
/*
 * Random changes of live mappings, and the model of them.
 * Runs in the kernel, MMU on, for a command of the console, and on the host.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/selftest/change_model.h>

/* The number of units is small: that some remainders come a little more often does not matter. */
static u32 random_below(struct change_model *model, u32 limit)
{
	u64 z = model->random += 0x9e3779b97f4a7c15; /* SplitMix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % limit;
}

static vaddr_t unit_va(const struct change_model *model, u32 index)
{
	return vaddr(model->base + index * model->unit);
}

/* Bytes of the leaf or the run that stands at @va, or of the hole there. */
static u64 size_at(const struct change_model *model, u64 va)
{
	const struct regime *regime = &model->space->regime;
	struct pt_entry entry = pt_find(model->space, vaddr(va));
	struct pte_info info;

	if (!pte_is_leaf(entry.kind))
		return regime_span(regime, entry.level);
	info = pte_decode(regime, entry.pte, entry.level, entry.table_bits);
	return regime_span(regime, entry.level) *
	       (info.contiguous ? regime_contiguous(regime, entry.level) : 1);
}

/* A range of units: two times in three one that runs, and the block that holds all, can fill. */
static void choose_range(struct change_model *model, struct change_step *step)
{
	const struct regime *regime = &model->space->regime;
	int level = model->unit == regime_granule(regime) ? LEVEL_PAGE : LEVEL_PAGE - 1;
	u32 run = regime_contiguous(regime, level), most;

	step->first = random_below(model, model->units);
	most = min_u64(model->units - step->first, 2 * run);
	step->count = 1 + random_below(model, most);
	if (random_below(model, 3) == 0)
		return;
	step->first -= step->first % run;
	step->count = min_u64(align_up(step->count, run), model->units - step->first);
	if (random_below(model, 8) == 0) {
		step->first = 0;
		step->count = model->units;
	}
}

static enum mem_prot choose_prot(struct change_model *model)
{
	if (model->execute && random_below(model, 3) == 0)
		return PROT_READ_EXECUTE;
	return random_below(model, 2) ? PROT_READ_WRITE : PROT_READ_ONLY;
}

/*
 * Units go to the memory with their own number, so that runs and blocks can be, or to any. Where
 * something is in the way, every other time only up to there.
 */
static void step_map(struct change_model *model, struct change_step *step)
{
	u32 from = random_below(model, 4) ? step->first :
					    random_below(model, model->units - step->count + 1);
	enum mem_prot prot = choose_prot(model);
	u32 free = 0;
	struct map_request request = { .pa = paddr(model->pa + from * model->unit),
				       .attr = { prot, MEM_NORMAL } };

	step->what = "map";
	while (free < step->count && !model->at[step->first + free].mapped)
		free++;
	if (free != 0 && random_below(model, 2))
		step->count = free;
	step->expected = free < step->count ? MAP_CONFLICT : MAP_OK;
	request.start = unit_va(model, step->first);
	request.end = unit_va(model, step->first + step->count);
	step->result = pt_map(model->space, &request);
	tables_publish();
	for (u32 i = 0; step->expected == MAP_OK && i < step->count; i++)
		model->at[step->first + i] =
			(struct change_unit){ true, request.pa.value + i * model->unit, prot };
}

/* What must be said of a change of the whole range. */
static enum map_result expect(const struct change_model *model, const struct change_step *step)
{
	u64 end = unit_va(model, step->first + step->count).value;

	for (u64 va = unit_va(model, step->first).value, size; va != end; va += size) {
		if (!model->at[(va - model->base) / model->unit].mapped)
			return MAP_NOT_MAPPED;
		size = size_at(model, va);
		if (va % size != 0 || end - va < size)
			return MAP_SPLIT;
	}
	return MAP_OK;
}

static void step_unmap(struct change_model *model, struct change_step *step)
{
	vaddr_t start = unit_va(model, step->first);
	vaddr_t end = unit_va(model, step->first + step->count);

	step->what = "unmap";
	step->expected = expect(model, step);
	step->result = pt_unmap(model->space, start, end);
	for (u32 i = 0; step->expected == MAP_OK && i < step->count; i++)
		model->at[step->first + i].mapped = false;
}

static void step_protect(struct change_model *model, struct change_step *step)
{
	vaddr_t start = unit_va(model, step->first);
	vaddr_t end = unit_va(model, step->first + step->count);
	enum mem_prot prot = choose_prot(model);

	step->what = "protect";
	step->expected = expect(model, step);
	step->result = pt_protect(model->space, start, end, prot);
	for (u32 i = 0; step->expected == MAP_OK && i < step->count; i++)
		model->at[step->first + i].prot = prot;
}

/* One step down or up for what maps the first unit; @no: what it says where there is none. */
static void step_size(struct change_model *model, struct change_step *step, enum map_result no)
{
	vaddr_t va = unit_va(model, step->first);
	bool mapped = model->at[step->first].mapped;

	step->what = no == MAP_SPLIT ? "split" : "merge";
	step->result = no == MAP_SPLIT ? pt_split(model->space, va) : pt_merge(model->space, va);
	step->expected = mapped ? MAP_OK : MAP_NOT_MAPPED;
	if (mapped && step->result == no)
		step->expected = no;
}

bool change_model_step(struct change_model *model, struct change_step *step)
{
	choose_range(model, step);
	switch (random_below(model, 6)) {
	case 0:
	case 1:
		step_map(model, step);
		break;
	case 2:
		step_unmap(model, step);
		break;
	case 3:
		step_protect(model, step);
		break;
	case 4:
		step_size(model, step, MAP_SPLIT);
		break;
	case 5:
		step_size(model, step, MAP_UNEVEN);
		break;
	}
	return step->result == step->expected;
}

enum map_result change_model_clear(struct change_model *model)
{
	u64 end = unit_va(model, model->units).value;
	enum map_result result = MAP_OK;

	for (u64 va = model->base; result == MAP_OK && va != end;) {
		u64 size = size_at(model, va);

		if (model->at[(va - model->base) / model->unit].mapped)
			result = pt_unmap(model->space, vaddr(va), vaddr(va + size));
		/* A hole may be as large as a table that has just gone. */
		va = min_u64(end, align_down(va, size) + size);
	}
	for (u32 i = 0; i < model->units; i++)
		model->at[i].mapped = false;
	return result;
}
