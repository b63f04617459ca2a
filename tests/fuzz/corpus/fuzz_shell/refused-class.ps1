Get-VM
class A { }
