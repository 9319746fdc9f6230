"""Read the results, compare them, draw them, tell them.

May import: inspection, dataset, runtime.
"""
