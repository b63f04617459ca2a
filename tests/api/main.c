/* SPDX-License-Identifier: Apache-2.0 */
#include "api_test.h"

int main(void)
{
	return bounds_tests() + connection_tests() + line_tests() + permission_tests() ? 1 : 0;
}
