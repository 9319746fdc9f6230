"""Algebra on Gram matrices.

May import: runtime.
"""
