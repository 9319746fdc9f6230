"""Linear SVMs: solve, tune, evaluate.

May import: kernels, dataset, runtime.
"""
