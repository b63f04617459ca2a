# each line shows the request that it becomes
New-VMSwitch vs1 -NetAdapterName eth0 -AllowManagementOS $true
New-VMSwitch -SwitchName vs2 -SwitchType Internal
New-VMSwitch -Name:vs3 -SwitchT:Private
New-VM x 4GB -Sw vs1
New-VM -Name n 512MB
Set-VMNetworkAdapter -VMName Red*,blue* -VirtualSubnetId "5010"
Set-VMNetworkAdapter –VMName a, b –StaticMac 000000000011 -PassThru
Set-VMNetworkAdapter a -StaticMacAddress 00155D010203 -PassThru:$false -WhatIf
Get-VMNetworkAdapter * | Set-VMNetworkAdapter -VirtualSubnetId 0
Get-VMNetworkAdapter nothing* | Set-VMNetworkAdapter -VirtualSubnetId 0
Connect-VMNetworkAdapter –VMName Red*,blue* –SwitchName “vswitch”
New-NetVirtualizationProviderAddress -InterfaceIndex (Get-NetAdapter).ifIndex -ProviderAddress "214.214.51.42" -PrefixLength 24
Start-VM (Get-VM red1)
Start-VM red1
Get-VM -Id 0001
Get-NetAdapter -ifIndex 3, 4 > $null
Invoke-Command -VMName blue1 -ScriptBlock { ip addr add 10.0.0.5/24 dev eth0; echo "a } b" '{' | grep -v x }
Invoke-Command -VMName blue1 { for i in 1 2; do echo ${i}; done }
icm -VMName blue1 -ScriptBlock "ip link"
Get-VM -ComputerName host1, host2 -Name red1
Get-VM -CimSession nowhere -ErrorAction SilentlyContinue
$p = @{ VMName = "blue1"; VirtualSubnetId = 7 }; Set-VMNetworkAdapter @p
Set-VMNetworkAdapter -VMName $null -VirtualSubnetId (5000 + 10)
Hyper-V\Get-VM -Name -- red1
& "Get-VM" blue1 | Out-Null
New-VMSwitch a-b.c_d -NetAdapterName vEth$(1+1)/x"y z"
Get-NetVirtualizationLookupRecord -VirtualSubnetID 5010,5011
