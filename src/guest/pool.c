/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <pthread.h>
#include <stdbool.h>

#include "util.h"

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct work *first, **last;
	bool stopping;
	size_t n;
	pthread_t threads[];
};

static struct work *pool_take(struct pool *p)
{
	struct work *work;

	pthread_mutex_lock(&p->lock);
	while (!p->stopping && !p->first)
		pthread_cond_wait(&p->wake, &p->lock);
	work = p->stopping ? NULL : p->first;
	if (work)
		p->first = work->next;
	if (!p->first)
		p->last = &p->first;
	pthread_mutex_unlock(&p->lock);
	return work;
}

static void *run(void *arg)
{
	struct work *work;

	while ((work = pool_take(arg)))
		work->run(work);
	return NULL;
}

int pool_open(size_t threads, struct pool **ret)
{
	struct pool *p = xcalloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
	int r = 0;

	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	while (r == 0 && p->n < threads) {
		r = -pthread_create(&p->threads[p->n], NULL, run, p);
		p->n += r == 0;
	}
	if (r == 0)
		*ret = p;
	else
		pool_close(p);
	return r;
}

void pool_submit(struct pool *p, struct work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&p->lock);
	*p->last = work;
	p->last = &work->next;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

struct work *pool_close(struct pool *p)
{
	struct work *left;

	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n; i++)
		pthread_join(p->threads[i], NULL);
	left = p->first;
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return left;
}
