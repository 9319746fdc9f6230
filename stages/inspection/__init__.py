"""What a network consists of, and its maps and predictions for example images.

May import: dataset, networks, runtime.
"""
