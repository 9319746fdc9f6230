"""The images as rows: their order, their pixels, their splits, their duplicates.

May import: runtime.
"""
