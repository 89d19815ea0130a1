"""How much each of `confidence.features` weighs. Written by `firstline calibrate --write`, never by hand.

From 269 answerable and 178 other questions. Held out in five folds, 85.1% of the answerable are
above the gate, 96.8% of the off-topic and 78.6% of those near the field below it; calibration error 0.036.
"""

BIAS = -21.84
COEFFICIENTS = (4.311, 3.709, -0.997, -0.55, 8.67, 4.84, 4.32, 6.12)
