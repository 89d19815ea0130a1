"""The audio plane: answers the carrier, holds the live call, hands facts to the control plane."""
