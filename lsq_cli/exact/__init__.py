"""Numbers without rounding, and what is proved with them: sums of AᵀA, their solution, rank, certificates."""
