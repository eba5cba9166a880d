"""zkunlearn: prove that a model is exactly what training outputs on a committed data set minus the forgotten rows."""
