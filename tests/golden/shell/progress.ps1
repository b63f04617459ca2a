# whether a request may show its progress
Start-VM red1
$ProgressPreference = "silentlycontinue"
Start-VM red1
function Quiet { $ProgressPreference = 'Continue'; Start-VM blue1 }
Quiet
Start-VM red1
$ProgressPreference = 'Ignore'; Start-VM red1
$ProgressPreference = 5
Start-VM red1
