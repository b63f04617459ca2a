Get-VM
$a -foo 1
