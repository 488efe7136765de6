// SPDX-License-Identifier: MIT
#include <pagoda/kernel/selftest/selftest.h>

SELFTEST_COST("walk.edges", 1000);
