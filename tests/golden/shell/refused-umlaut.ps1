"äö" ; Get-Nöthing
