"""How much each of `confidence.features` weighs. Written by `firstline calibrate --write`, never by hand.

From 319 answerable and 198 other questions. Held out in five folds, 70.7% of the answerable are
above the gate, 95.7% of the off-topic and 85.9% of those near the field below it; calibration error 0.067.
"""

BIAS = -59.87
COEFFICIENTS = (-10.37, 8.21, -4.307, -2.271, 8.067, 3.435, 22.154, 39.931)
