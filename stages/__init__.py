"""The DVC pipeline: one module per stage (verbs), and the packages that stages share (nouns)."""
