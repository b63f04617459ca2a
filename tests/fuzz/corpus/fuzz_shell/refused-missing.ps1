New-VM -Name
