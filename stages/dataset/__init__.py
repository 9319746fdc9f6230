"""The images as rows: row order, pixels, splits, duplicates.

May import: runtime.
"""
