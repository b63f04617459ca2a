Get-VM > file.txt
