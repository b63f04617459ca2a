Get-VM | Where-Object -Nope 1
Get-VM | Select-Object -Fir
