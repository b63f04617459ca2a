/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_nics.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "vec.h"

static const char start_tag[] = "<interface ", end_tag[] = "</interface>", alias_tag[] = "<alias name='" MACHINE_NIC_ALIAS;
static const char link_down[] = "<link state='down'/>", link_up[] = "<link state='up'/>";

/* FNV-1a of each, and their sum: no order. */
uint64_t nics_digest(const struct machine_nic *nics, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t h = 0xcbf29ce484222325;

		for (const char *p = nics[i].tap; *p; p++)
			h = (h ^ (unsigned char)*p) * 0x100000001b3;
		sum += (h ^ nics[i].connected) * 0x100000001b3;
	}
	return sum;
}

/* The next element of an adapter that we gave to the machine, owned by the caller; NULL: there is no more. */
static char *next_block(const char **xml, char ret_tap[static MACHINE_TAP_SIZE])
{
	for (const char *start = *xml, *end; (start = strstr(start, start_tag)) && (end = strstr(start, end_tag)); start = end) {
		_cleanup_free_ char *block = xstrndup(start, (size_t)(end - start) + strlen(end_tag));
		const char *alias = strstr(block, alias_tag);
		size_t n = alias ? strcspn(alias += strlen(alias_tag), "'") : 0;

		*xml = end;
		if (!n || n >= MACHINE_TAP_SIZE)
			continue;
		memcpy(ret_tap, alias, n);
		ret_tap[n] = 0;
		return TAKE_PTR(block);
	}
	return NULL;
}

static bool is_connected(const char *block)
{
	return !strstr(block, link_down);
}

void nics_parse(const char *xml, struct nic_vec *ret)
{
	struct machine_nic nic = { 0 };
	char *block;

	while ((block = next_block(&xml, nic.tap))) {
		nic.connected = is_connected(block);
		vec_push(ret, nic);
		free(block);
	}
}

/* libvirt knows the device again by all that it says of it, so it is given its own words with another state. */
static char *with_link(const char *block, bool connected)
{
	const char *was = connected ? link_down : link_up, *state = connected ? link_up : link_down, *at = strstr(block, was);

	if (at)
		return xasprintf("%.*s%s%s", (int)(at - block), block, state, at + strlen(was));
	at = strstr(block, end_tag);
	return xasprintf("%.*s%s%s", (int)(at - block), block, state, at);
}

static const struct machine_nic *find(const struct machine_nic *nics, size_t n, const char *tap)
{
	for (size_t i = 0; i < n; i++)
		if (streq(nics[i].tap, tap))
			return &nics[i];
	return NULL;
}

/* Those that it has: away, or with another state. */
static int change(virDomainPtr domain, const char *xml, const struct machine_nic *want, size_t n)
{
	char tap[MACHINE_TAP_SIZE], *block;
	int r = 0;

	while ((block = next_block(&xml, tap))) {
		const struct machine_nic *nic = find(want, n, tap);
		_cleanup_free_ char *update = nic ? with_link(block, nic->connected) : NULL;

		if (!nic && virDomainDetachDeviceFlags(domain, block, VIR_DOMAIN_AFFECT_LIVE) < 0)
			r = -1;
		else if (nic && is_connected(block) != nic->connected &&
			 virDomainUpdateDeviceFlags(domain, update, VIR_DOMAIN_AFFECT_LIVE) < 0)
			r = -1;
		free(block);
	}
	return r;
}

static void monitor(virDomainPtr domain, const char *verb, const char *prefix, const char *tap)
{
	_cleanup_free_ char *command = xasprintf("%s %s" MACHINE_NIC_ALIAS "%s", verb, prefix, tap), *answer = NULL;

	virDomainQemuMonitorCommand(domain, command, &answer, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP);
}

/*
 * A libvirt daemon that died while it attached one may have told QEMU half of it, and its successor does not know: QEMU then has the
 * name already. It is told to forget that.
 */
static int attach(virDomainPtr domain, const struct machine_nic *nic)
{
	_cleanup_str_ struct str xml = { 0 };

	machine_nic_xml(nic, &xml);
	if (virDomainAttachDeviceFlags(domain, str_get(&xml), VIR_DOMAIN_AFFECT_LIVE) == 0)
		return 0;
	if (!strstr(virGetLastErrorMessage(), "Duplicate ID"))
		return -1;
	monitor(domain, "device_del", "", nic->tap);
	monitor(domain, "netdev_del", "host", nic->tap);
	return virDomainAttachDeviceFlags(domain, str_get(&xml), VIR_DOMAIN_AFFECT_LIVE);
}

int nics_apply(virDomainPtr domain, const struct machine_nic *want, size_t n)
{
	_cleanup_free_ char *xml = virDomainGetXMLDesc(domain, 0);
	struct nic_vec have = { 0 };
	int r;

	if (!xml)
		return -1;
	r = change(domain, xml, want, n);
	nics_parse(xml, &have);
	for (size_t i = 0; i < n && r == 0; i++)
		if (!find(have.items, have.n, want[i].tap))
			r = attach(domain, &want[i]);
	vec_done(&have);
	return r;
}

int nics_seen(virDomainPtr domain, uint64_t *ret_digest)
{
	_cleanup_free_ char *xml = virDomainGetXMLDesc(domain, 0);
	struct nic_vec have = { 0 };

	if (!xml)
		return -1;
	nics_parse(xml, &have);
	*ret_digest = nics_digest(have.items, have.n);
	vec_done(&have);
	return 0;
}
