# SPDX-License-Identifier: MIT
#
# KASAN=1: what checked code calls before it accesses memory. The host has the names
# of calls.c and string.c already, and other frames.

$(call kasan_only,$(call sources_in,mm/check))
$(eval $(call room,mm/check,kernel))
$(call unchecked,$(wildcard mm/check/*.c))
$(call machine_only,mm/check/calls.c mm/check/string.c mm/check/trace.c)
