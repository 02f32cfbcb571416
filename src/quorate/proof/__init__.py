"""Proof on paper: what is wrong with a cluster, and what every failure would do to it. Pure, but for `scheduler`.

evidence    one picture of a cluster, from a design, from files, or from a live look
lint        rules over that picture
scheduler   what Pacemaker's own scheduler would do after each failure (runs `crm_simulate` on a document)
services    what counts as one service in a cluster that somebody else built
budget      how long a takeover takes, part by part, against the objective
"""
