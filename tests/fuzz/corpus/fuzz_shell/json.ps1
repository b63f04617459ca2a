#! -o json
Get-VM red1
Get-VM
