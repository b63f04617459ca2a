Get-VM
"not closed
