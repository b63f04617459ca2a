Get-VM nosuch
"goes on, ok is $?"
Get-VM nosuch, red1
Get-VM nosuch -ErrorAction SilentlyContinue; $?
"$($Error.Count) errors, last: $($Error[0].CategoryInfo.Category)"
Get-VM nosuch 2>$null
Get-VM nosuch -ErrorVariable ev -ea 0; "ev: $ev"
Get-VM -ComputerName nowhere, host2 red1
Write-Error "own" -ErrorId MyId -Category ObjectNotFound
1 / 0
"abc".Substring(5)
$null.ToUpper()
[int]"x"
$missing.Prop
"x" -match "("
function F { Get-VM nosuch -ErrorAction Stop; "never" }
try { F } catch { "stopped: $_" }
try { Write-Error "e" -ErrorAction Stop } catch { "write-error: $_" }
$ErrorActionPreference = "Stop"
try { Get-VM nosuch, red1 } catch { "preference: $_" }
$ErrorActionPreference = "Continue"
Start-VM red1
throw "the end"
"never"
