trap { }
