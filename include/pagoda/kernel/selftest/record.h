/* SPDX-License-Identifier: MIT */
/*
 * What is said of the results of self tests, as KTAP or as one JSON document (docs/selftest.md).
 * For kernel/selftest only. MMU on, and the host.
 */
#ifndef PAGODA_RECORD_H
#define PAGODA_RECORD_H

#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/lib/json.h>

struct record {
	struct selftest *test;
	struct json json; /* unused for KTAP */
	unsigned number, pass, fail, skip;
	u64 begun; /* the counter, when the test was */
};

/* record_begin() - of @planned tests, whose results are @test, one after the other. */
void record_begin(struct record *record, struct selftest *test, unsigned planned);

/* record_test() - @row is the next; record_result() - and what became of it. */
void record_test(struct record *record, const struct selftest_row *row);
void record_result(struct record *record, const struct selftest_row *row);

/* record_end() - that was all. record_interrupted() - the others were not to be run. */
void record_end(struct record *record);
void record_interrupted(struct record *record);

#endif /* PAGODA_RECORD_H */
