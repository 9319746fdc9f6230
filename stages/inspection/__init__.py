"""What a network contains and what it sees.

May import: dataset, networks, runtime.
"""
