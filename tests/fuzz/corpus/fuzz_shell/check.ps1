#! --check
Get-VM
New-VM -Name x
"nothing runs"
