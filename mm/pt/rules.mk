# SPDX-License-Identifier: MIT
#
# Page tables: the regime as a value, descriptors, builder, reader, changes. Host tests have a TLB
# of their own.

$(call kasan_only,mm/pt/shared.c mm/pt/own.c)
$(eval $(call built,kernel,mm/pt/change.c mm/pt/count.c mm/pt/invalidate.c \
	mm/pt/stage2.c $(if $(kasan),mm/pt/own.c)))
$(call unchecked,mm/pt/change.c mm/pt/count.c mm/pt/invalidate.c mm/pt/stage2.c mm/pt/own.c)
$(eval $(call room,mm/pt,shared))
$(call machine_only,mm/pt/invalidate.c)
