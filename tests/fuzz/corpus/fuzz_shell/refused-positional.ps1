New-VM a 1 c
