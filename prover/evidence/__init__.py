"""What two models tell of the rows that were forgotten between them: measured in float64, for their owner; no proof."""
