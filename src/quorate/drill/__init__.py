"""The drills: break something real under load, and judge what clients saw.

order      a drill as it is ordered           targets     what it aims at; `wiring` is how that is connected
runner     from its beginning to its verdict  breaking    the fault in it, under load
guard      what forbids it, or ends it early  lasting     while a fault stays, is it as predicted?
settling   until the cluster is ready         naming      does `check --live` name what is wrong?
regression what is kept to hold it again      evidence    what explains one that failed

faults     what is done, with `tools`         clients     the load, and what it saw, by the `probes`
audit      what nodes and BMCs say            judgement   what was expected, what is there, the verdict
report     for programs, people, documents    sequences   many drills: all, by chance, once more, fewer
"""
