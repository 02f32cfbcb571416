"""What clients do and see.

`load` is a probe's process from inside, `probing` from outside, and `record` what it writes down; of that `outage`
makes downtimes and latencies, `ledger` every write that must be found again, and `holders` who had an address. `probe`
is what every probe of `probes/` is.
"""
