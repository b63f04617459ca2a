New-VM -Name a -VMName b
