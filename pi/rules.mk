# SPDX-License-Identifier: MIT
#
# The early runtime, one file a step: from entry to the flip.

$(eval $(call room,pi,early))
$(call machine_only,pi/image.c pi/start.c)
