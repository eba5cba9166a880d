"""What people already train and serve models with, on top of the library: it proves, they stay as they are."""
