# SPDX-License-Identifier: MIT
#
# What the early runtime hands over: facts, options, plan, and why it cannot.

$(eval $(call built,kernel,kernel/handoff/words.c))
$(eval $(call room,kernel/handoff,shared))
# Words, for people.
$(call compiled_with,-Os,kernel/handoff/follow.c kernel/handoff/override.c kernel/handoff/stop.c\
	kernel/handoff/words.c)
