"""Other processes that prove for the owner: of this machine, or of a Dask cluster."""
