# SPDX-License-Identifier: MIT
#
# What the early runtime hands over: facts, options, plan, and why it cannot.

$(eval $(call room,kernel/handoff,shared))
