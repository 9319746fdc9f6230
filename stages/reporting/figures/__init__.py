"""The figures of the report and of the stage `draw`.

May import: reporting, inspection, dataset, runtime.
"""
