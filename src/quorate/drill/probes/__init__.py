"""One probe for each kind of service; `probed` says which has which."""
