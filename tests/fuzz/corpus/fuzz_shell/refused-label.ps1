:outer foreach ($i in 1) { }
