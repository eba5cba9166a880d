"""The owner's objects and files: data sets, models, budgets, and what is proved with them."""
