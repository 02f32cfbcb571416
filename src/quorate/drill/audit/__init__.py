"""What the nodes, the BMCs and the cluster say about a drill; `audit` puts it together.

`journals` brings what the nodes wrote down. From it are the `phases` of the recovery, who was primary when
(`primaries`) and what crashed (`crashes`). Who was fenced say the BMCs (`fencing`), or the cluster where no BMC's log
is at hand (`fencing_history`); `leftovers` are what the cluster still carries of it.
"""
