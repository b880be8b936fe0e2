"""Binary and sparse files: NPY, NPZ, Parquet, Matrix Market."""
