"""What a model's columns are made of: formulas, functions, categories, dates. Data, never code."""
