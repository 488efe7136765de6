/* SPDX-License-Identifier: MIT */
/*
 * The parts of report and dump, for kernel/show only. A subject of the report is a file,
 * report_cpu.c and so on, which has what is said of it as text and as JSON; report.c has their
 * order. MMU on, and the host.
 */
#ifndef SHOW_PARTS_H
#define SHOW_PARTS_H

#include <pagoda/kernel/show/dump.h>
#include <pagoda/kernel/show/report.h>

/* report_label() - what every line begins with; empty for the lines that go on. */
void report_label(const char *name);

static inline const char *on_off(bool on)
{
	return on ? "on" : "off";
}

/* What is mapped, and whether it breaks W^X: a look at every table, so once a report. */
struct report_audit {
	struct pt_audit kernel, idmap;
	struct pt_audit hyp, guest2; /* where a hypervisor runs */
};

struct report_audit report_audit(const struct kernel *kernel);

/* Lines of the report. */
void report_cpu(const struct kernel *kernel);
void report_entry(const struct kernel *kernel);
void report_features(const struct kernel *kernel);
void report_cpus(const struct kernel *kernel);
void report_command_line(const struct kernel *kernel);
void report_decision(const struct kernel *kernel);
void report_image(const struct kernel *kernel);
void report_devices(const struct kernel *kernel);
void report_efi(const struct kernel *kernel);
void report_hyp(const struct kernel *kernel);
void report_tables(const struct kernel *kernel, const struct report_audit *audit);
void report_warnings(const struct kernel *kernel, const struct report_audit *audit);

/* Members of its document. */
void report_json_cpu(const struct kernel *kernel, struct json *json);
void report_json_cpus(const struct kernel *kernel, struct json *json);
void report_json_image(const struct kernel *kernel, struct json *json);
void report_json_decision(const struct kernel *kernel, struct json *json);
void report_json_options(const struct kernel *kernel, struct json *json);
void report_json_memory(const struct kernel *kernel, struct json *json);
void report_json_devices(const struct kernel *kernel, struct json *json);
void report_json_efi(const struct kernel *kernel, struct json *json);
void report_json_hyp(const struct kernel *kernel, struct json *json);
void report_json_tables(const struct kernel *kernel, const struct report_audit *audit,
			struct json *json);
void report_json_warnings(const struct kernel *kernel, const struct report_audit *audit,
			  struct json *json);

/* report_rodata_off() - text is writable, because rodata=off asked for it. */
bool report_rodata_off(const struct kernel *kernel);

/* report_wxn_off() - whose wish it is that WXN is off, where it is. */
const char *report_wxn_off(const struct kernel *kernel);

/*
 * dump_filter_range() - the part of @space that @filter asks for; false where that is none of it.
 * dump_filter_passes() - whether a run of it is to be shown.
 */
bool dump_filter_range(const struct dump_filter *filter, const struct space *space, vaddr_t *start,
		       vaddr_t *end);
bool dump_filter_passes(const struct dump_filter *filter, const struct pt_run *run);

struct arguments;

/* argument_hyp_map() - the enum hyp_map that argument @index names, or HYP_MAP_COUNT. */
unsigned argument_hyp_map(const struct arguments *arguments, unsigned index);

/* dump_json_filtered() - dump_filtered() where @filter wants JSON. */
void dump_json_filtered(const struct kernel *kernel, const struct dump_filter *filter);

/* "inner" and so on. */
const char *share_str(enum shareability share);

#endif /* SHOW_PARTS_H */
