Get-VM)
