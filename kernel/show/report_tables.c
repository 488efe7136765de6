// SPDX-License-Identifier: MIT
/*
 * The page tables, in the reports: what they took, and what they map.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/format.h>

#include "parts.h"

struct report_audit report_audit(const struct kernel *kernel)
{
	struct report_audit audit = { .kernel = pt_audit_space(&kernel->kernel_space),
				      .idmap = pt_audit_space(&kernel->idmap_space) };

	/* What is W^X in stage 2 under the kernel, the kernel's own tables say. */
	if (hyp_runs(kernel)) {
		audit.hyp = pt_audit_space(hyp_space(kernel, HYP_MAP_SELF));
		audit.guest2 = pt_audit_space(hyp_space(kernel, HYP_MAP_GUEST));
	}
	return audit;
}

static void print_audit(const char *name, const struct pt_audit *audit)
{
	report_label(name);
	print("%s in %lu runs, %lu of them writable and executable\n",
	      size_text(audit->mapped).text, audit->runs, audit->writable_executable);
}

void report_tables(const struct kernel *kernel, const struct report_audit *audit)
{
	const struct table_pool *pool = kernel->kernel_space.pool;
	u64 granule = regime_granule(&kernel->kernel_space.regime);

	report_label("page tables");
	print("%lu of %lu pages used\n", pool_used(pool, granule), pool_total(pool, granule));
	print_audit("kernel map", &audit->kernel);
	print_audit("identity map", &audit->idmap);
	if (hyp_runs(kernel))
		print_audit("EL2's map", &audit->hyp);
}

static void json_pool(struct json *json, const struct kernel *kernel)
{
	const struct table_pool *pool = kernel->kernel_space.pool;
	u64 granule = regime_granule(&kernel->kernel_space.regime);

	json_array(json, "pool");
	json_row(json, NULL);
	json_string(json, "name", "early");
	json_number(json, "used", pool_used(pool, granule));
	json_number(json, "total", pool_total(pool, granule));
	json_close(json);
	json_close(json);
}

static void json_audit_space(struct json *json, const char *root, const struct pt_audit *audit)
{
	json_row(json, NULL);
	json_string(json, "root", root);
	json_number(json, "runs", audit->runs);
	json_number(json, "mapped", audit->mapped);
	json_number(json, "writable_executable", audit->writable_executable);
	json_close(json);
}

static void json_audit(struct json *json, const struct kernel *kernel,
		       const struct report_audit *audit)
{
	json_array(json, "audit");
	json_audit_space(json, "kernel", &audit->kernel);
	json_audit_space(json, "idmap", &audit->idmap);
	if (hyp_runs(kernel)) {
		json_audit_space(json, hyp_map_str(HYP_MAP_SELF), &audit->hyp);
		json_audit_space(json, hyp_map_str(HYP_MAP_GUEST), &audit->guest2);
	}
	json_close(json);
}

void report_json_tables(const struct kernel *kernel, const struct report_audit *audit,
			struct json *json)
{
	json_pool(json, kernel);
	json_audit(json, kernel, audit);
}
