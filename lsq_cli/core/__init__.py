"""What every room speaks of: errors, the problem, the solution, optional packages, the version."""
