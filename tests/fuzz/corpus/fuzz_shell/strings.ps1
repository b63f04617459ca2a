$name = "vswitch"; $o = @{ a = 1; list = 1, 2 }
"plain $name ${name}s $($name.ToUpper()) $($o.a + 1) `$name `"q`" ""d"" $o.a"
'single $name ''q'' `n'
"tab`tnew`nline"; "`u{e9}"; "cost: 5$"; "a$"
“typographic “”inner”” $name”
‘single ‘’inner’’ $name’
„low” 
@"
here $name "quotes" $($o.list)
  second
"@
@'
here $name "x"
'@
@"
"@
"list: $(1..3)"
"env: $env:LAB $env:NOSUCH|"
"len $("abc".Length) $('x'.PadLeft(3, '.'))"
"Hello".ToUpper(); "Hello".ToLower(); "  t ".Trim(); "xxaxx".Trim("x"); "a,b".Split(",") -join "|"; "abc".Replace("b", "-")
"abc".Contains("b"); "abc".StartsWith("a"); "abc".EndsWith("x"); "abcdef".Substring(2); "abcdef".Substring(1, 2); "abc".IndexOf("c")
"abc"[0]; "abc"[-1]; "héllo".Length; "abcdef".Remove(2, 2); "ab".Insert(1, "-"); "a-b-c".LastIndexOf("-"); ("a", "b").ToUpper()
(255).ToString("X2"); [string]::Join("-", (1, 2)); [string]::IsNullOrEmpty(""); [math]::Round(2.567, 2); [math]::Floor(-1.5)
[convert]::ToString(10, 2); [convert]::ToInt32("ff", 16); [int]::MaxValue
