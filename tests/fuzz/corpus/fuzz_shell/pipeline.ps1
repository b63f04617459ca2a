1..6 | Where-Object { $_ % 2 -eq 0 } | ForEach-Object { $_ * 10 }
1..3 | % { "a" } { "b$_" } { "c" }
Get-VMNetworkAdapter * | where VirtualSubnetId -eq 5010 | select -ExpandProperty VMName
Get-VMNetworkAdapter * | ? VMName -like red* | % MacAddress
Get-VMNetworkAdapter * | Select VMName, VirtualSubnetID -First 1
Get-VMNetworkAdapter * | Select-Object @{Name="Upper";Expression={$_.VMName.ToUpper()}}, @{l='V';e={$_.VirtualSubnetId}} -Last 2
Get-VMNetworkAdapter * | Select-Object SwitchName -Unique
Get-VMNetworkAdapter * | Sort-Object VirtualSubnetId, VMName -Descending | ft VMName, VirtualSubnetId -AutoSize
Get-VMNetworkAdapter * | Group-Object VirtualSubnetId | ft Count, Name -AutoSize
Get-VM | Measure-Object MemoryAssigned -Sum -Average -Maximum -Minimum
3, 1, 2, 3 | Sort-Object -Unique
"b", "a" | sort | Select-Object -First 1
1..10 | select -Skip 2 -First 3
1..5 | Select-Object -Last 2
(Get-VMNetworkAdapter *).VMName
(Get-VM).Count; (Get-VMSwitch).Name; $null.Count; (Get-VM)[0].State
Get-VMSwitch
Get-VMNetworkAdapter *
Get-VMNetworkAdapter blue1 | Format-List VMName, IPAddresses
Get-NetVirtualizationLookupRecord
Get-VMNetworkAdapter * | Format-Table VMName,MACAddress,IPAddresses
Get-VMNetworkAdapter blue* | Format-Table @{Label="VM";Expression={$_.VMName};Alignment="right"}, @{n="Mac";e="MacAddress";Width=6} -HideTableHeaders
$t = Get-VM | Format-Table Name | Out-String; $t.Length
Get-VM | Out-Null
Get-VM | ConvertTo-Json -Compress
(Get-VM | ConvertTo-Json | ConvertFrom-Json).Name
Get-VM | ConvertTo-Csv -NoTypeInformation
[PSCustomObject]@{ A = 1; B = "x"; C = $true; D = 1, 2; E = $null }
[PSCustomObject]@{ A = 1; B = $null }
@{ key = "v" }
Write-Host "host" 1 2 -ForegroundColor Red; Write-Host -NoNewline "no newline"; Write-Host
Write-Warning "careful"; Write-Verbose "hidden"; Write-Verbose "shown" -Verbose
Start-Sleep -Milliseconds 5; sleep 1
Test-Connection 10.0.0.1 -Count 1 -Quiet; Test-Connection 10.0.0.1 -Count 1
Import-Module Hyper-V
Get-Date -Format yyyy
New-Object PSObject -Property @{ P = 1 } | Add-Member -NotePropertyName Q -NotePropertyValue 2 -PassThru
Write-Output 1, 2 | Measure-Object | select -exp Count
