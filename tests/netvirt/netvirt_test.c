/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_test.h"

int main(void)
{
	int failed = rules_tests();

	failed += filter_tests();
	failed += next_hop_tests();
	failed += wants_tests();
	failed += router_tests();
	failed += broadcast_tests();
	failed += learn_tests();
	failed += property_tests() + records_tests();
	failed += diff_tests();
	return failed ? 1 : 0;
}
