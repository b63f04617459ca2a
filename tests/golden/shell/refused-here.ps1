Get-VM
@"
x
