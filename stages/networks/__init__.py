"""Pretrained networks: models, weights, tapped layers.

May import: runtime.
"""
