Get-VM
"x".Nope()
