"""What a proof says, as data: one file a kind of statement."""
