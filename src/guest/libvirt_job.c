/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_job.h"

#include <errno.h>
#include <libvirt/virterror.h>

#include "libvirt_step.h"

/* ---- a domain of whomever ---- */

struct look_up {
	struct job job;
	char *name;
	struct machine_domain domain;
	char *xml;
	machine_domain_fn done;
	void *arg;
};

static int libvirt_failed(struct job *job)
{
	const virError *e = virGetLastError();

	job->message = step_message(e && e->message ? e->message : "");
	return -EIO;
}

static int look_up_run(struct job *job, virConnectPtr conn, const char *instance)
{
	struct look_up *l = (struct look_up *)job;
	virDomainPtr domain = virDomainLookupByName(conn, l->name);
	char *mark;
	int n;

	(void)instance;
	if (!domain) {
		const virError *e = virGetLastError();

		return e && e->code == VIR_ERR_NO_DOMAIN ? 0 : libvirt_failed(job);
	}
	l->xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
	l->domain = (struct machine_domain){ .found = true, .on = virDomainIsActive(domain) == 1,
					     .persistent = virDomainIsPersistent(domain) == 1,
					     .saved = virDomainHasManagedSaveImage(domain, 0) == 1 };
	n = virDomainSnapshotNum(domain, 0);
	l->domain.snapshots = n > 0 || virDomainListAllCheckpoints(domain, NULL, 0) > 0;
	mark = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, MACHINE_NAMESPACE, VIR_DOMAIN_AFFECT_CONFIG);
	l->domain.marked = mark != NULL;
	free(mark);
	virDomainFree(domain);
	return l->xml ? 0 : libvirt_failed(job);
}

static void look_up_end(struct job *job)
{
	struct look_up *l = (struct look_up *)job;

	l->domain.xml = l->xml;
	l->done(l->arg, job->r < 0 ? NULL : &l->domain, job->message);
	free(job->message);
	free(l->xml);
	free(l->name);
	free(l);
}

void machines_domain(struct machines *m, const char *name, machine_domain_fn done, void *arg)
{
	struct look_up *l = xcalloc(1, sizeof(*l));

	l->job = (struct job){ .run = look_up_run, .end = look_up_end };
	l->name = xstrdup(name);
	l->done = done;
	l->arg = arg;
	machines_job(m, &l->job);
}
