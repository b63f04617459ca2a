#! -o list
Get-VMSwitch
