# SPDX-License-Identifier: MIT
#
# The prompt: line editor, commands, arguments.

$(eval $(call room,kernel/prompt,kernel))
