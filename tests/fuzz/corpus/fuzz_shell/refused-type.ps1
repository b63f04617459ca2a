Get-VM
  $a = [System.Net.WebClient]$x
