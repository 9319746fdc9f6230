"""The features of one layer on disk, and the work of an interrupted extraction.

May import: runtime.
"""
