"""Proof on paper: what is wrong with a cluster, and what every failure would do to it. Pure, but for `simulation`.

evidence    one picture of a cluster, from a design, from files, or from a live look
lint        rules over that picture
outside     what is no node, and what quorum and fencing hang on: a quorum device, SBD's disks
faulttree   the dependency graph of a cluster file (`tree`: as data; `hardware`: its lower half)
scheduler   what Pacemaker's own scheduler would do after each failure
simulation  asking it (runs `crm_simulate` on a document); `transition` carries out what it has decided
services    what counts as one service in a cluster that somebody else built
budget      how long a takeover takes, part by part, against the objective
"""
