"""Linear SVMs: solving, tuning, evaluation.

May import: kernels, dataset, runtime.
"""
