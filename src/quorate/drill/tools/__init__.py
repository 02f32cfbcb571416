"""What faults need, where the site has it by SSH: commands and timers, processes, packages, the cluster's members."""
