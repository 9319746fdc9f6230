"""The features of one layer on disk, in rows; an extraction that was cut off resumes.

May import: runtime.
"""
