/* SPDX-License-Identifier: Apache-2.0 */
#include "ethtool.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>


/* The kernel has some 60 features. */
#define MAX_FEATURES 256
#define MAX_BLOCKS   (MAX_FEATURES / 32)

const char *const link_tunnel_offloads[] = {
	"tx-gre-segmentation",     "tx-gre-csum-segmentation",     "tx-ipxip4-segmentation", "tx-ipxip6-segmentation",
	"tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-gso-partial",         "tx-tunnel-remcsum-segmentation",
	"tx-sctp-segmentation", /* the kernel encapsulates large segments of TCP and UDP only */
};
const size_t link_n_tunnel_offloads = ARRAY_SIZE(link_tunnel_offloads);

static int ethtool(struct nl *nl, const char *name, void *command)
{
	struct ifreq ifr = { 0 };

	if (!link_name_is_valid(name))
		return -EINVAL;
	strcpy(ifr.ifr_name, name);
	ifr.ifr_data = command;
	return ioctl(nl_fd(nl), SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

/* Features */

/* The kernel's names of features, by bit; the same for every device, so that they are asked for once. */
struct feature_names {
	unsigned n;
	char name[MAX_FEATURES][ETH_GSTRING_LEN];
};

static int names_get(struct nl *nl, const char *link, const struct feature_names **ret)
{
	static struct feature_names names;
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} sset = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES } };
	_cleanup_free_ struct ethtool_gstrings *strings = NULL;
	int r;

	if (names.n == 0) {
		r = ethtool(nl, link, &sset);
		if (r < 0)
			return r;
		if (!sset.info.sset_mask || sset.count == 0 || sset.count > MAX_FEATURES)
			return -EOPNOTSUPP;
		strings = xcalloc(1, sizeof(*strings) + (size_t)sset.count * ETH_GSTRING_LEN);
		strings->cmd = ETHTOOL_GSTRINGS;
		strings->string_set = ETH_SS_FEATURES;
		strings->len = sset.count;
		r = ethtool(nl, link, strings);
		if (r < 0)
			return r;
		memcpy(names.name, strings->data, (size_t)sset.count * ETH_GSTRING_LEN);
		names.n = sset.count;
	}
	*ret = &names;
	return 0;
}

struct features {
	struct ethtool_gfeatures head;
	struct ethtool_get_features_block block[MAX_BLOCKS];
};

static int features_get(struct nl *nl, const char *link, const struct feature_names *names, struct features *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->head.cmd = ETHTOOL_GFEATURES;
	ret->head.size = (names->n + 31) / 32;
	return ethtool(nl, link, ret);
}

/* The blocks that would turn all of features on or off; true when that changes something. */
static bool features_wanted(const struct feature_names *names, const struct features *now,
			    const char *const features[], size_t n, bool on,
			    struct ethtool_set_features_block block[static MAX_BLOCKS])
{
	bool change = false;

	for (unsigned bit = 0; bit < names->n; bit++)
		for (size_t i = 0; i < n; i++) {
			const struct ethtool_get_features_block *b = &now->block[bit / 32];
			uint32_t mask = 1u << (bit % 32);

			if (strncmp(names->name[bit], features[i], ETH_GSTRING_LEN) != 0)
				continue;
			if (!(b->available & mask) || b->never_changed & mask || !(b->active & mask) == !on)
				continue;
			block[bit / 32].valid |= mask;
			block[bit / 32].requested |= on ? mask : 0;
			change = true;
		}
	return change;
}

int link_offload_is(struct nl *nl, const char *name, const char *const features[], size_t n, bool on, bool *ret)
{
	struct ethtool_set_features_block block[MAX_BLOCKS] = { 0 };
	const struct feature_names *names;
	struct features now;
	int r = names_get(nl, name, &names);

	if (r == 0)
		r = features_get(nl, name, names, &now);
	if (r == 0)
		*ret = !features_wanted(names, &now, features, n, on, block);
	return r;
}

int link_offload_set(struct nl *nl, const char *name, const char *const features[], size_t n, bool on,
		     bool *ret_changed)
{
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block block[MAX_BLOCKS];
	} set = { .head.cmd = ETHTOOL_SFEATURES };
	const struct feature_names *names;
	struct features now;
	bool change;
	int r = names_get(nl, name, &names);

	if (r == 0)
		r = features_get(nl, name, names, &now);
	if (r < 0)
		return r;
	change = features_wanted(names, &now, features, n, on, set.block);
	if (change) {
		set.head.size = now.head.size;
		r = ethtool(nl, name, &set);
		if (r < 0)
			return r;
	}
	if (ret_changed)
		*ret_changed = change;
	return 0;
}

/* Details */

static void driver_get(struct nl *nl, const char *name, struct link_details *d)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (ethtool(nl, name, &info) < 0)
		return;
	snprintf(d->driver, sizeof(d->driver), "%.31s", info.driver);
	snprintf(d->bus_info, sizeof(d->bus_info), "%.31s", info.bus_info);
	if (streq(d->bus_info, "N/A"))
		d->bus_info[0] = '\0';
}

static void speed_get(struct nl *nl, const char *name, struct link_details *d)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	uint32_t speed;

	/* The older command is enough: speed and duplex are the same words in the newer one. */
	if (ethtool(nl, name, &cmd) < 0)
		return;
	speed = ethtool_cmd_speed(&cmd);
	if (speed != (uint32_t)SPEED_UNKNOWN && speed != UINT16_MAX)
		d->speed_mbps = speed;
	d->full_duplex = cmd.duplex == DUPLEX_FULL;
}

static void permanent_mac_get(struct nl *nl, const char *name, struct link_details *d)
{
	struct {
		struct ethtool_perm_addr head;
		uint8_t room[32];
	} a = { .head = { .cmd = ETHTOOL_GPERMADDR, .size = sizeof(a.room) } };

	if (ethtool(nl, name, &a) == 0 && a.head.size == sizeof(d->permanent_mac.b))
		memcpy(d->permanent_mac.b, a.room, sizeof(d->permanent_mac.b));
}

static void gro_get(struct nl *nl, const char *name, struct link_details *d)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GGRO };

	d->gro = ethtool(nl, name, &value) == 0 && value.data;
}

/* A hexadecimal id of a PCI device, e.g. "vendor". /sys/bus is the same in all network namespaces, /sys/class/net is
 * not. */
static bool pci_id(const char *bus_info, const char *what, uint64_t *ret)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t size;

	if (strchr(bus_info, '/'))
		return false;
	path = xasprintf("/sys/bus/pci/devices/%s/%s", bus_info, what);
	if (read_file(path, 64, &text, &size) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, UINT32_MAX, ret) == 0;
}

static void describe(const struct link *l, struct link_details *d)
{
	static const struct {
		const char *driver, *text;
	} known[] = {
		{ "veth", "Virtual Ethernet pair" },     { "bridge", "Ethernet bridge" },
		{ "tun", "Virtual Ethernet tap" },       { "vxlan", "VXLAN tunnel" },
		{ "macvlan", "MAC-based virtual LAN" },  { "virtio_net", "Virtio network device" },
		{ "bonding", "Ethernet bond" },          { "dummy", "Dummy network device" },
	};
	const char *driver = d->driver[0] ? d->driver : l->kind, *text = NULL;
	uint64_t vendor, device;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(known[i].driver, driver))
			text = known[i].text;
	if (text)
		snprintf(d->description, sizeof(d->description), "%s", text);
	else if (d->bus_info[0] && pci_id(d->bus_info, "vendor", &vendor) && pci_id(d->bus_info, "device", &device))
		snprintf(d->description, sizeof(d->description), "PCI Ethernet adapter %04x:%04x (%s)", (unsigned)vendor,
			 (unsigned)device, driver);
	else if (driver[0])
		snprintf(d->description, sizeof(d->description), "Network adapter (%s)", driver);
	else
		snprintf(d->description, sizeof(d->description), "%s", l->ether ? "Network adapter" : "Network interface");
}

int link_details_get(struct nl *nl, const char *name, struct link_details *ret)
{
	struct link_details d = { 0 };
	struct link l;
	int r = link_get_by_name(nl, name, &l);

	if (r < 0)
		return r;
	driver_get(nl, name, &d);
	speed_get(nl, name, &d);
	permanent_mac_get(nl, name, &d);
	gro_get(nl, name, &d);
	describe(&l, &d);
	*ret = d;
	return 0;
}
