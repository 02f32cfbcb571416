"""What a drill was to show, and what it has shown; `verdict` puts it together.

Before it: who may be lost and fenced (`expectation`), and what the graph says (`forecast`). After it: what the services
hold (`holding`), on both replicas (`replicas`), and the addresses that moved (`addresses`).
"""
