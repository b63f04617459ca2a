#! -o csv
Get-VM
[pscustomobject]@{Name="a,b";State="say ""x""";MemoryAssigned=1}
