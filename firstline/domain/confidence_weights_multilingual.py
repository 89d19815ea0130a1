"""How much each of `confidence.features` weighs. Written by `firstline calibrate --write`, never by hand.

From 319 answerable and 198 other questions. Held out in five folds, 72.9% of the answerable are
above the gate, 97.1% of the off-topic and 85.9% of those near the field below it; calibration error 0.072.
"""

BIAS = -75.556
COEFFICIENTS = (-6.938, 1.646, 0.497, -0.74, 7.58, 3.795, 6.018, 37.159)
