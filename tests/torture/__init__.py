"""Attacks on the harness: kills, mutants of every format, damaged folders, closed streams and full disks.

Each asserts the same: the outcome is that of an undisturbed run, bit by bit, or there is one clear error; and the next
command works.
"""
