if (1 -gt 2) { "no" } elseif (2 -gt 1) { "elseif" } else { "else" }
if ($null) { "no" }
else { "else on its own line" }
foreach ($i in 1..3) { if ($i -eq 2) { continue }; "i$i" }
for ($i = 0; $i -lt 3; $i++) { "f$i" }
for (;;) { break }
$n = 3; while ($n) { $n--; "w$n" }
do { $n++ } while ($n -lt 2); $n
do { $n-- } until ($n -le 0); $n
switch (2) { 1 { "one" } 2 { "two" } default { "other" } }
switch -Wildcard ("abc") { "a*" { "starts"; break } "*c" { "ends" } }
switch -Regex ("abc") { "^a" { "starts" } "c$" { "ends" } }
switch ("x") { default { "default $_" } }
switch (1, 2) { 1 { "first" } { $_ -gt 1 } { "block $_" } }
switch ("word") { word { "bare" } }
function Add($a, $b = 10) { $a + $b }
Add 1; Add 1 2; Add -b 5 -a 1
function Get-Both { param([string]$Name = "none", [switch]$Loud, [int[]]$Numbers) if ($Loud) { "$Name!" } else { $Name }; $Numbers.Count }
Get-Both; Get-Both -Na x -Loud; Get-Both y -Numbers 1, 2
function Rest { "args: $args"; return 5; "never" }
Rest a b
function Count { begin { $n = 0 } process { $n++ } end { "n=$n" } }
1..4 | Count
function Fact($n) { if ($n -le 1) { 1 } else { $n * (Fact ($n - 1)) } }
Fact 10
$b = { param($x) "block $x" }
& $b 7
& { $local = 1 }; "local: $local"
try { throw "bad" } catch { "caught $_"; "$($_.Exception.Message)" } finally { "finally" }
try { Get-VM nosuch } catch { "caught: $($_.FullyQualifiedErrorId)" }
try { try { throw "inner" } finally { "inner finally" } } catch { "outer $_" }
try { [int]"x" } catch { $_.Exception.Message }
$r = if ($true) { "value" }; $r
$all = foreach ($i in 1..3) { $i * $i }; $all -join ","
$p = @{ VMName = "blue*" }
Get-VMNetworkAdapter @p | Measure-Object | % Count
1 && 2; $false || "x"
$x = 5 # comment
<# block
   comment #> "after"
"continued " + `
  "line"
1..3 |
  ForEach-Object { $_ + 1 } |
  Sort-Object -Descending
1, 2,
  3 | Measure-Object -Sum
  | Select-Object -ExpandProperty Sum
$h = @{
  One = 1
  "Two words" = 2; $x = "five"
}
$h.One; $h["two words"]; $h[5]; $h.Keys -join ","; $h.Count
$h.New = 3; $h["One"] = 11; $h.Remove("5"); $h.ContainsKey("new"); $h
exit 3
"never"
