"""Where images come from: archives, mirrors, the manifest of 15 Scene, generated scenes.

May import: runtime.
"""
