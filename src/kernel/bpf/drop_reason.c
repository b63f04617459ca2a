/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf_driver.h"

static const struct {
	const char *name, *rule, *sentence;
} reasons[DP_DROP_MAX] = {
#define REASON(code, name, rule, sentence) [code] = { #name, rule, sentence },
	NESTOR_DROP_REASONS(REASON)
#undef REASON
};

const char *drop_reason_name(enum dp_drop_reason reason)
{
	return reason < DP_DROP_MAX ? reasons[reason].name : NULL;
}

const char *drop_reason_rule(enum dp_drop_reason reason)
{
	return reason < DP_DROP_MAX ? reasons[reason].rule : NULL;
}

const char *drop_reason_sentence(enum dp_drop_reason reason)
{
	return reason < DP_DROP_MAX ? reasons[reason].sentence : NULL;
}
