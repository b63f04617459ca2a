Get-VM
"ÿ"
