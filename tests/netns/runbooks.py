# SPDX-License-Identifier: Apache-2.0
"""The runbooks as they were published, and what they print."""

import hashlib

from labs import runbook

# They run as they stand: a copy that was mended to suit us would prove nothing.
SHA256 = {
    "lab1-virtual-subnet.ps1": "3eecbcef901a1392d7a1f8ac0db7bdad44c70bc1c0a108c2c6aa32e373145e57",
    "lab1-cleanup.ps1": "d6856b8ab6f96c503760f241a579a3395818994dc867bab31235537a92ea84b2",
    "lab2-ip-rewrite-host1.ps1": "112ecd884e43b853fc92b11e3d3518793ae6a189f083510dcd3240b99dd9d6da",
    "lab2-ip-rewrite-host2.ps1": "32db1d726d562239da5a3ac358786459a62944dc5c0982afa03d0d2977dbf2c6",
    "lab3-nvgre-host1.ps1": "b781755365979fa1464590b148fef667c722d5c86bf68c0e70068680f125e551",
    "lab3-nvgre-host2.ps1": "28b3435c1b7768e96e7b1ff02398bb035be7ecea5a33fdaf033db6414f888ed9",
    "lab3-cleanup.ps1": "45ae8ffbeba71174f9b85e83b474b9ee35e23d522aa3457a9fc363ff64770eaa",
    "nested-virtualization.ps1": "ac69a3cf2f98508e3a3d8854f40d7f962c2ff87102d0e542782f96be6ee650e1",
    "nested-virtualization-off.ps1": "80c8afe0dbff93e3ff4d6185c03cee777d0873ab7185213f5cebb2e1282ce12a",
}


def assert_untouched(*names):
    for name in names:
        with open(runbook(name), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == SHA256[name], f"{name} is not as it was published"


def lines(text):
    """Lines without what cannot be seen: empty ones, and blanks at their ends."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def lab3_tables(index, nic):
    """The four tables at the end of lab 3's runbook for host `index`, whose uplink has the interface index `nic`."""
    own = ("214.214.51.42", "214.214.51.43")[index]
    end = str(index + 1)
    return lines(f"""
VirtualSubnetID CustomerAddress ProviderAddress
--------------- --------------- ---------------
           5010 10.10.10.11     214.214.51.42
           5010 10.10.10.12     214.214.51.43
           5011 10.10.10.11     214.214.51.42
           5011 10.10.10.12     214.214.51.43
InterfaceIndex ProviderAddress PrefixLength VlanID
-------------- --------------- ------------ ------
{nic:>14} {own}             24      0
RoutingDomainID                        VirtualSubnetID DestinationPrefix NextHop Metric
---------------                        --------------- ----------------- ------- ------
{{11111111-2222-3333-4444-000000005010}}            5010 10.10.10.0/24     0.0.0.0    255
{{11111111-2222-3333-4444-000000005011}}            5011 10.10.10.0/24     0.0.0.0    255
VMName MacAddress   IPAddresses   VirtualSubnetId SwitchName Status
------ ----------   -----------   --------------- ---------- ------
blue{end}  00000000001{end} {{10.10.10.1{end}}}            5010 vswitch    Ok
red{end}   00000000002{end} {{10.10.10.1{end}}}            5011 vswitch    Ok
""")


def lab2_tables(index, nic):
    """The three tables at the end of lab 2's runbook for host `index`, whose uplink has the interface index `nic`."""
    end = str(index + 1)
    return lines(f"""
VirtualSubnetID CustomerAddress ProviderAddress
--------------- --------------- ---------------
           5010 10.10.10.11     214.214.51.42
           5010 10.10.10.12     214.214.51.44
           5011 10.10.10.11     214.214.51.43
           5011 10.10.10.12     214.214.51.45
InterfaceIndex ProviderAddress PrefixLength VlanID
-------------- --------------- ------------ ------
{nic:>14} 214.214.51.{42 + 2 * index}             24      0
{nic:>14} 214.214.51.{43 + 2 * index}             24      0
VMName SwitchName VirtualSubnetId MacAddress   IPAddresses   Status
------ ---------- --------------- ----------   -----------   ------
blue{end}  vswitch               5010 00000000001{end} {{10.10.10.1{end}}} Ok
red{end}   vswitch               5011 00000000002{end} {{10.10.10.1{end}}} Ok
""")


def lab1_table(blue, red):
    return lines(f"""
VMName SwitchName VirtualSubnetId MacAddress   IPAddresses   Status
------ ---------- --------------- ----------   -----------   ------
Blue1  vswitch    {blue:>15} 000000000011 {{10.10.10.10}} Ok
Blue2  vswitch    {blue:>15} 000000000012 {{10.10.10.20}} Ok
Red1   vswitch    {red:>15} 000000000021 {{10.10.10.10}} Ok
Red2   vswitch    {red:>15} 000000000022 {{10.10.10.20}} Ok
""")
