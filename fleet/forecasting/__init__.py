"""Where forecasts of packs come from: the shipped coefficients, and how they are learned."""
