[math]::Nope(1)
