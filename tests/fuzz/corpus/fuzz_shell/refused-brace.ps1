if (1) {
  Get-VM
