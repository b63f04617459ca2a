Get-VM &
