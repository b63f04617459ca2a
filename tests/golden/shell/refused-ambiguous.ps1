Get-VM
Set-VMNetworkAdapter -VMN x
