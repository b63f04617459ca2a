/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

int main(void)
{
	int failed = value_tests();

	failed += util_tests();
	failed += map_tests();
	failed += docs_tests() + shelf_tests();
	return failed ? 1 : 0;
}
