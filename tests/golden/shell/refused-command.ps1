Get-VM
Get-Nothing -Name x
