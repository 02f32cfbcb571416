"""The drills: break something real under load, and judge what clients saw.

runner     one drill from its beginning to its verdict
targets    what a drill aims at            faults     what it does there
probing    a probe's process, and          probes/    the probes themselves
record     what a probe writes down        ledger     every acknowledged write, found again
outage     what clients saw                replicas   both sides of the data: switch-over, comparison
journals   what the nodes wrote down       phases     of the recovery, from the journals
primaries  never two, from the journals    fencing    what the BMCs were asked
audit      all of that together            verdict    against the objective
report     for programs, people, documents
"""
