"""How any stage runs: command line, parameters, files, errors, devices, limits, provenance.

May import: no other package.
"""
