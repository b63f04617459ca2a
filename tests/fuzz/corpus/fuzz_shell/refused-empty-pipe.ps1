Get-VM | 
