"""Pretrained networks: models, weights, and the layers whose outputs are tapped.

May import: runtime.
"""
