# SPDX-License-Identifier: MIT
#
# Page tables: the regime as a value, descriptors, builder, reader, changes. Host tests have a TLB
# of their own.

$(eval $(call built,kernel,mm/pt/change.c mm/pt/count.c mm/pt/invalidate.c \
	mm/pt/stage2.c))
$(eval $(call room,mm/pt,shared))
$(call machine_only,mm/pt/invalidate.c)
