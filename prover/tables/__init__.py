"""The owner's tables: CSV, Parquet, .npz, arrays and frames."""
