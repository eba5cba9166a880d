"""How a table of reals becomes integers, column by column."""
