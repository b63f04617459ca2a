/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

void diff_run(const struct diff *d)
{
	size_t w = 0, h = 0;

	while (w < d->n_want || h < d->n_have) {
		const char *want = (const char *)d->want + w * d->size, *have = (const char *)d->have + h * d->size;
		int order = w == d->n_want ? 1 : h == d->n_have ? -1 : d->key(want, have);

		if (order < 0) {
			d->apply(d->arg, NULL, want);
			w++;
		} else if (order > 0) {
			d->apply(d->arg, have, NULL);
			h++;
		} else {
			if (d->same && !d->same(have, want))
				d->apply(d->arg, have, want);
			w++;
			h++;
		}
	}
}
