"""The drills: break something real under load, and judge what clients saw.

order      a drill as it is ordered        runner     from its beginning to its verdict
targets    what it aims at                 faults     what it does there, with `processes`
probe      what every probe is             probes/    the probes; `probed` says whose they are
load       a probe's process from inside   probing    and from outside
record     what a probe writes down        outage     what clients saw, from that
ledger     every acknowledged write        holding    is looked for, on both replicas
settling   until the cluster is ready      replicas   both sides of the data: switch-over, comparison
journals   what the nodes wrote down       phases     of the recovery, from the journals
primaries  never two, from the journals    fencing    what the BMCs were asked, or `fencing_history` says
breaking   the fault, under load           guard      what ends it early
expectation  who may be fenced, who must, what is predicted
forecast   what is predicted beforehand    lasting    while a fault stays, is it so?
audit      all of that together            verdict    against the objectives
report     for programs, people, documents

campaign   every fault that fits           sequences  faults drawn from a seed; `sequencing` holds them
regression what is kept to hold it again   replay     holds it again
evidence   what explains a failed drill    shrinking  the shortest sequence that still fails
"""
