"""What every stage needs: command line, parameters, files, errors, devices, limits, provenance.

May import: no other package.
"""
