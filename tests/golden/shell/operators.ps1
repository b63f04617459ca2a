# arithmetic
1 + 2 * 3 - 4 / 2
7 / 2; 6 / 3; 7 % 3; -7 % 3; 2 - -3; 1.5 + 1; 10MB; 1kb * 2; 0x10; 1e3; 9223372036854775807 + 1
"a" + 1; "5" + 1; 5 + "1"; "ab" * 3; @(1, 2) + 3 -join ","; (1, 2) * 2 -join ","
# ranges and lists
(1..5) -join " "; (3..1) -join " "; (1, 2, 3)[1]; (1..9)[-1]; (1..9)[0, 2] -join ","; @().Count; @(1).Count; (, 1).Count
# comparison
1 -eq 1; "a" -eq "A"; "a" -ceq "A"; "a" -ieq "A"; 1 -ne 2; 2 -gt 1; 2 -ge 2; 1 -lt 2; 1 -le 0; "10" -eq 10; 10 -eq "10"
"vswitch" -like "VS*"; "x" -notlike "y*"; "Abc" -clike "a*"; "abc" -match "b(.)"; $Matches[1]; "abc" -notmatch "z"; "ABC" -cmatch "b"
1, 2, 3 -contains 2; 1, 2 -notcontains 5; 2 -in 1, 2; 3 -notin 1, 2
(1, 2, 3, 2) -eq 2
5 -is [int]; "x" -is [string]; "x" -isnot [int]; "12" -as [int]
# logic
$true -and $false; $true -or $false; $true -xor $true; -not $true; !$false
6 -band 3; 6 -bor 1; 6 -bxor 3; -bnot 0; 1 -shl 4; 256 -shr 4
# strings
"{0} has {1:N2} and {2,5}|{3,-5}|{4:X2} {5:D3} {{}}" -f "x", 1234.5, "r", "l", 255, 7
"a1b22c" -replace "\d+", "#"; "John Smith" -replace "(\w+) (\w+)", '$2 $1'; "aXbxc" -creplace "x", "-"; "abc" -replace "b"
"a,b;c" -split "[,;]"; "1 2  3" -split " +", 2; -split " a  b "; -join ("a", "b"); "x", "y" -join "+"
# assignment
$a = 5; $a += 2; $a -= 1; $a *= 4; $a /= 3; $a %= 5; $a
$i = 0; $i++; ++$i; $i; $i--; $i
$x, $y = 1, 2, 3; $x; $y -join "/"
$p = $q = 4; $p + $q
# precedence and dashes that are not ASCII
2 + 3 -eq 5 -and 1 –eq 1; 5 — 2; 4 − 1
1..3 + 4..5 -join ""
'{0}' -f 1 + '2'
