function F { param([ValidateSet("a")]$x) }
