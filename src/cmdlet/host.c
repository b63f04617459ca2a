/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

void host_trace_done(struct host_trace *t)
{
	vec_foreach(&t->steps, s)
		free(s->text);
	vec_done(&t->steps);
	free(t->target);
	free(t->in);
	free(t->out);
	*t = (struct host_trace){ 0 };
}
