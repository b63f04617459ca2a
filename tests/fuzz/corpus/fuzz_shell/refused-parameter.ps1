Get-VM
New-VM -Nope x
